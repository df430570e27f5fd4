import Foundation

/// PyTorch's own files: pickles, bare or in a zip, which can run code when they are opened. They are refused by their
/// content, whatever they are called, with the way to convert them.
package enum PickledWeights {
    static let problem = "this is a PyTorch pickle, which can run code when it is opened"

    /// Whether bytes begin as a pickle of protocol 2 to 5 does, or a zip.
    static func begin(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: [0x50, 0x4B, 0x03, 0x04])
            || (bytes.first == 0x80 && bytes.count > 1 && (2...5).contains(bytes[1]))
    }

    /// A command line to paste.
    ///
    /// - Parameters:
    ///   - file: the pickle.
    ///   - target: the safetensors file to write.
    static func conversion(of file: String, to target: String) -> String {
        let program =
            "import sys, torch, safetensors.torch as s; s.save_file({k: v.contiguous().clone() for k, v in "
            + "torch.load(sys.argv[1], weights_only=True).items()}, sys.argv[2], {'format': 'pt'})"
        // A pickle under the name that it is to have makes way first.
        let (source, first) =
            file == target
            ? ("\(file).bin", "mv \(shellQuoted(file)) \(shellQuoted("\(file).bin")) && ") : (file, "")
        return "convert it, where you trust its source, with \(first)python3 -c \"\(program)\" "
            + "\(shellQuoted(source)) \(shellQuoted(target))"
    }

    /// Throws where a folder has a pickle of weights but not the safetensors file that is wanted.
    package static func refuse(in folder: URL, insteadOf wanted: String) throws {
        let file = folder.appendingPathComponent(wanted)
        guard !FileManager.default.fileExists(atPath: file.path), let name = name(in: folder) else { return }
        let pickle = folder.appendingPathComponent(name).path
        throw ModelFileError(
            file: pickle,
            problem: "the weights are only here as a PyTorch pickle, which can run code when it is opened",
            advice: conversion(of: pickle, to: file.path))
    }

    /// The pickle in a folder that holds weights, as far as its name tells.
    private static func name(in folder: URL) -> String? {
        let others = ["training_args", "optimizer", "scheduler", "rng_state", "scaler"]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()) ?? []
        let pickles = names.filter { name in
            guard ["bin", "pt", "pth", "ckpt", "pkl"].contains((name as NSString).pathExtension),
                !others.contains(where: name.hasPrefix),
                let mapping = try? FileMapping(folder.appendingPathComponent(name))
            else { return false }
            return withExtendedLifetime(mapping) { begin(mapping.bytes) }
        }
        // AdapterHub has a head beside its adapters.
        return pickles.first { $0.hasPrefix("pytorch_adapter") }
            ?? pickles.first { $0.hasPrefix("pytorch_model") || $0.hasPrefix("adapter_model") }
            ?? pickles.first
    }
}
