import Foundation
import ModelFiles
import Testing

/// `StepCounts`: the calls that a training step makes stay within the committed limits, and an exceeded one is seen.
@Suite struct StepCountTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let limits = "Benchmarks/limits/step-counts.json"

    private func check(_ limits: String) throws -> CommandResult {
        let binary = try Binary.locate().deletingLastPathComponent().appendingPathComponent("StepCounts")
        return try RunningCommand(
            [
                "--limits", limits, "--model",
                Self.repository.appendingPathComponent("Tests/Goldens/bert/model").path,
            ],
            executable: binary, in: FileManager.default.temporaryDirectory
        ).finish()
    }

    @Test func aStepStaysWithinItsLimits() throws {
        let result = try check(Self.repository.appendingPathComponent(Self.limits).path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("AdaLoRA, exact"))
    }

    @Test(arguments: [
        ("products", -1.0, "products a step, more than"),
        ("factorizations", -1, "factorizations a step, more than"),
        ("allocations", -1000, "allocations a step, more than"), ("flops", 1, "flops a step, fewer than"),
        ("bytes", 100_000, "bytes a step, fewer than"), ("loss", 0.01, "computes something else"),
    ])
    func anotherLimitIsAnError(_ key: String, _ change: Double, _ message: String) throws {
        let json = try JSONValue.read(Self.repository.appendingPathComponent(Self.limits))
        var all = try #require(json.object)
        var scenario = try #require(all["AdaLoRA, exact"]?.object)
        scenario[key] = .number(try #require(scenario[key]?.double) + change)
        all["AdaLoRA, exact"] = .object(scenario)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "limits-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(JSONValue.object(all).text().utf8).write(to: file)
        let result = try check(file.path)
        #expect(result.status == 1)
        #expect(result.errorLines.count == 1 && result.errors.contains(message), "\(result.errors)")
    }
}
