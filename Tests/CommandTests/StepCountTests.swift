import Foundation
import ModelFiles
import Testing

/// `StepCounts`: the calls that a training step makes stay within the committed limits, and an exceeded one is seen.
@Suite struct StepCountTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let limits = "Benchmarks/limits/step-counts.json"

    private func check(_ limits: String, environment: [String: String] = [:]) throws -> CommandResult {
        let binary = try Binary.locate().deletingLastPathComponent().appendingPathComponent("StepCounts")
        return try RunningCommand(
            [
                "--limits", limits, "--model",
                Self.repository.appendingPathComponent("Tests/Goldens/bert/model").path,
            ],
            executable: binary, in: FileManager.default.temporaryDirectory, environment: environment
        ).finish()
    }

    /// On this machine's kernels, and on those of one without AVX-512.
    @Test(arguments: [[:], ["DNNL_MAX_CPU_ISA": "AVX2"]])
    func aStepStaysWithinItsLimits(environment: [String: String]) throws {
        let result = try check(
            Self.repository.appendingPathComponent(Self.limits).path, environment: environment)
        #expect(result.status == 0, "\(result.errors)")
        for name in ["AdaLoRA, exact", "AdaLoRA, exact, Llama", "AdaLoRA, exact, Llama in Q4_0"] {
            #expect(result.output.contains("\n\(name)"), "\(name) in \(result.output)")
        }
    }

    @Test(arguments: [
        ("products", -1.0, "products a step, more than"),
        ("factorizations", -1, "factorizations a step, more than"),
        ("allocations", -1000, "allocations a step, more than"),
        ("flops", 100_000, "flops a step, fewer than"),
        ("bytes", 200_000, "bytes a step, fewer than"), ("loss", 0.01, "computes something else"),
    ])
    func anotherLimitIsAnError(_ key: String, _ change: Double, _ message: String) throws {
        let json = try JSONValue.read(Self.repository.appendingPathComponent(Self.limits))
        var all = try #require(json.object)
        for name in ["AdaLoRA, exact", "AdaLoRA, exact, packed weights"] {
            var scenario = try #require(all[name]?.object)
            scenario[key] = .number(try #require(scenario[key]?.double) + change)
            all[name] = .object(scenario)
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "limits-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(JSONValue.object(all).text().utf8).write(to: file)
        let result = try check(file.path)
        #expect(result.status == 1)
        #expect(result.errorLines.count == 1 && result.errors.contains(message), "\(result.errors)")
    }
}
