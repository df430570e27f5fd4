// swift-tools-version: 6.1
import PackageDescription

let library = Target.Dependency.product(name: "AdaLoRA", package: "swift-adalora")

let package = Package(
    name: "Examples",
    dependencies: [.package(name: "swift-adalora", path: "..")],
    targets: [
        .executableTarget(name: "FirstRun", dependencies: [library]),
        .executableTarget(name: "OwnLoop", dependencies: [library]),
        .executableTarget(name: "Chat", dependencies: [library]),
    ],
    swiftLanguageModes: [.v6]
)
