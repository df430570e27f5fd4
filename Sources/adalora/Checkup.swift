import BuildFacts
import Experiments
import Foundation
import Matrices
import Messages
import ModelFiles
import Runs

/// What `adalora doctor` finds: the facts that a report of a problem needs.
struct Checkup {
    let libraries = Library.all
    /// Relative error of one product against a plain loop.
    let productError = KernelSelection.productError()
    /// Of one core.
    let gigaflops = KernelSpeed.gigaflops()
    let kernel = KernelSelection.currentKernel
    let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let availableMemory = ProcessMemory().available
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let variables = CheckedVariables.set(in: ProcessInfo.processInfo.environment)

    /// Beyond rounding, which gives about 1e-6.
    var isBroken: Bool { !(productError < 1e-4) }

    var warning: String? {
        KernelSelection.betterKernel(than: kernel, cpuLevel: KernelSelection.cpuLevel).map {
            "this CPU can run the \($0) kernel; unset OPENBLAS_CORETYPE or set it to \($0)"
        }
    }

    private var isRestarted: Bool { ProcessInfo.processInfo.environment["ADALORA_RESTARTED"] != nil }

    private var level: String {
        #if arch(x86_64)
            ["1": "x86-64 baseline", "3": "AVX2 and FMA", "4": "AVX-512"]["\(KernelSelection.cpuLevel)"]
                ?? "unknown"
        #elseif arch(arm64)
            "aarch64"
        #else
            "neither x86-64 nor aarch64"
        #endif
    }

    /// `glibc 2.36`
    private var runtime: String {
        var bytes = [CChar](repeating: 0, count: 64)
        let length = confstr(Int32(_CS_GNU_LIBC_VERSION), &bytes, bytes.count)
        guard length > 0, length <= bytes.count else { return "unknown C library" }
        return String(decoding: bytes.prefix(length - 1).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var text: String {
        let error = String(format: "%.1e", productError)
        let speed = String(format: "%.0f", gigaflops)
        let free = availableMemory.map { ", \(Figures.bytes($0)) free" } ?? ""
        var rows = [
            ("version", "adalora \(BuildText.version)"), ("program", MappedFiles.program),
            ("system", "\(RunOrigin.system ?? "unknown"), \(runtime)"),
            ("CPU", "\(Origin.cpuName), \(Figures.counted(cores, "core")), \(level)"),
            ("memory", "\(Figures.bytes(memory))\(free)"), ("loops", BuildText.loops),
        ]
        rows += libraries.map { ($0.name, "\($0.version), \($0.path ?? "in the program")") }
        rows += [
            ("", KernelSelection.openBLASConfiguration),
            (
                "kernel",
                kernel + (isRestarted ? " (chosen by adalora; OpenBLAS had picked a slower one)" : "")
            ),
            ("oneDNN uses", ProductLibraries.oneDNNInstructions),
            (
                "bf16",
                BFloat16Products.isFast
                    ? "AVX512-BF16: products of --precision bf16 are about twice as fast as Float32"
                    : "no instruction: --precision bf16 gives the same numbers, slower than Float32"
            ),
            ("threads", "\(cores), unless --threads says otherwise"),
            ("check", "one product against a plain loop: relative error \(error)"),
            ("speed", "\(speed) GFLOP/s on one core (sgemm 512 × 384 × 384, median)"),
        ]
        rows += variables.map { ("variable", "\($0.name)=\($0.value)") }
        let width = rows.reduce(0) { max($0, $1.0.count) } + 2
        return rows.map { name, value in
            name.padding(toLength: width, withPad: " ", startingAt: 0) + TerminalText.clean(value)
        }.joined(separator: "\n")
    }

    var json: JSONValue {
        .object([
            "version": .string(Build.version), "commit": .string(Build.commit),
            "program": .string(MappedFiles.program),
            "system": RunOrigin.system.map { .string($0) } ?? .null, "runtime": .string(runtime),
            "cpu": .object([
                "name": .string(Origin.cpuName), "cores": JSONValue(cores), "level": .string(level),
                "bf16": .bool(BFloat16Products.isFast),
            ]),
            "memory": .object([
                "bytes": JSONValue(memory), "availableBytes": availableMemory.map { JSONValue($0) } ?? .null,
            ]),
            "loops": .string(BuildText.loops),
            "libraries": .array(
                libraries.map {
                    .object([
                        "name": .string($0.name), "version": .string($0.version),
                        "path": $0.path.map { .string($0) } ?? .null,
                    ])
                }),
            "openblas": .string(KernelSelection.openBLASConfiguration), "kernel": .string(kernel),
            "kernelChosenByAdalora": .bool(isRestarted),
            "onednn": .string(ProductLibraries.oneDNNInstructions), "threads": JSONValue(cores),
            "productError": productError.isFinite ? .number(productError) : .null,
            "gigaflops": .number(gigaflops), "warning": warning.map { .string($0) } ?? .null,
            "variables": .object(
                variables.reduce(into: JSONObject()) { $0[$1.name] = .string($1.value) }),
        ])
    }
}

/// Environment variables that change what the program or its libraries do; others may hold secrets.
enum CheckedVariables {
    private static let names: Set<String> = [
        "LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "TERM",
        "COLUMNS", "TMPDIR", "OPENSSL_CONF",
    ]
    private static let prefixes = ["ADALORA_", "OPENBLAS_", "OMP_", "GOMP_", "DNNL_", "ONEDNN_", "MALLOC_"]

    static func set(in environment: [String: String]) -> [(name: String, value: String)] {
        environment.filter { entry in
            names.contains(entry.key) || prefixes.contains { entry.key.hasPrefix($0) }
        }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
