import Foundation
import ModelFiles
import Testing

/// What runs of every method are asked.
extension Workspace {
    /// Of a run, what its last step left.
    static let lastWeights = "adapter-last/adapter_model.safetensors"

    /// Trains, which must come off.
    @discardableResult func trained(_ arguments: [String]) throws -> CommandResult {
        let result = try run(arguments)
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return result
    }

    /// The loss of a run or folder on rows.
    func loss(_ folder: String, _ data: String = "validation.jsonl") throws -> Double {
        let result = try run(["evaluate", folder, "--data", data, "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try #require(JSONValue.parse(result.output)["loss"]?.double)
    }

    /// Without its last checkpoints a run goes on from the one before, and comes to the same bytes.
    func resumesToTheSameBytes(_ name: String = "run", without steps: [Int] = [30]) throws {
        let before = try bytes("\(name)/\(Self.lastWeights)")
        for step in steps { try FileManager.default.removeItem(at: file("\(name)/checkpoints/step-\(step)")) }
        let resumed = try run(["train", "--resume", name])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try bytes("\(name)/\(Self.lastWeights)") == before, "resuming gives the same bytes")
    }
}
