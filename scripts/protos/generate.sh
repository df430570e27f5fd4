#!/usr/bin/env bash
# Makes Sources/TensorBoard/Generated from tensorboard.proto. Needs protoc (Debian: protobuf-compiler) and
# protoc-gen-swift, a product of swift-protobuf: `swift build --product protoc-gen-swift` in a checkout of the version
# that Package.swift names.
set -euo pipefail
cd "$(dirname "$0")"
protoc --swift_out=../../Sources/TensorBoard/Generated --swift_opt=Visibility=Package tensorboard.proto
