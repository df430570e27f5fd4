import AdapterTools
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import Training

/// What processes that train together must have alike, asked before they begin and on the way. Weights, moments, importance and
/// allocation follow from the same sums by the same arithmetic everywhere, so that a process with others is broken.
package enum ProcessAgreement {
    /// Steps between two looks at the weights
    static let every = 50

    /// - Throws: `ExchangeError` that names the process, its host and what it has otherwise.
    static func check(
        _ config: RunConfig, _ inputs: RunInputs, _ exchange: any GradientExchange, allowingOtherKernels: Bool
    ) throws {
        if exchange.processes == 1 { return }
        let settings = config.recordedSettings().filter { !ResumePoint.changeableSettings.contains($0.key) }
        var facts: [(name: String, value: String)] = settings.sorted { $0.key < $1.key }.map {
            ("the setting \($0.key) (\($0.value))", $0.value)
        }
        facts += inputs.fingerprints.map { (Checkpoint.shown($0.name), $0.hash) }
        try check(facts + (allowingOtherKernels ? [] : [kernels]), exchange)
    }

    /// Of processes that answer rows with an adapter.
    ///
    /// - Parameter rows: their fingerprint.
    /// - Throws: as above.
    package static func check(
        adapter: URL, rows: @autoclosure () throws -> String, _ exchange: any GradientExchange,
        allowingOtherKernels: Bool
    ) throws {
        if exchange.processes == 1 { return }
        // Its manifest has the hash of each file; folders of other programs have none.
        let hashes =
            FolderManifest.exists(in: adapter)
            ? [try Fingerprint.of(file: adapter.appendingPathComponent(FolderManifest.file))]
            : try AdapterFolder(adapter).fingerprints(.sha256).map(\.hash)
        let facts = [("the adapter", hashes.joined(separator: " ")), ("the rows", try rows())]
        try check(facts + (allowingOtherKernels ? [] : [kernels]), exchange)
    }

    private static var kernels: (name: String, value: String) {
        (Checkpoint.shown(Checkpoint.kernels.name), Checkpoint.kernels.hash)
    }

    /// - Throws: as above, where weights, moments, importance or masks differ.
    static func check(_ trainer: Trainer, step: Int, _ exchange: any GradientExchange) throws {
        if exchange.processes == 1 { return }
        try check([(weights(step), digest(trainer.state))], exchange)
    }

    package static func digest(_ state: TrainerState) -> String {
        let digest = SHA256Digest()
        let arrays =
            [state.values, state.firstMoments, state.secondMoments] + state.method.tensors.map(\.values)
        for array in arrays { array.forEachPiece { digest.update(UnsafeRawBufferPointer($0)) } }
        for mask in state.method.masks { mask.withUnsafeBytes { digest.update($0) } }
        return digest.hexadecimal()
    }

    /// - Throws: as above, by the names of what differs.
    package static func check(
        _ facts: [(name: String, value: String)], _ exchange: any GradientExchange
    ) throws {
        if exchange.processes == 1 { return }
        var object = JSONObject()
        for fact in facts { object[fact.name] = .string(fact.value) }
        object["host"] = .string(ProcessInfo.processInfo.hostName)
        let said = try exchange.gather(Data(JSONValue.object(object).bytes())).map {
            try JSONValue.parse($0).object ?? [:]
        }
        for (process, other) in said.enumerated() {
            for fact in facts where other[fact.name] != said[0][fact.name] {
                throw ExchangeError(
                    .differs,
                    "process \(process) on \(other["host"]?.string ?? "?") has not \(fact.name) of process 0 on "
                        + "\(said[0]["host"]?.string ?? "?"); \(advice(fact.name))")
            }
        }
    }

    private static let weights = "the state after step"

    private static func weights(_ step: Int) -> String { "\(weights) \(step)" }

    private static func advice(_ fact: String) -> String {
        switch fact {
        case Checkpoint.shown(Checkpoint.kernels.name):
            "its CPU rounds otherwise: set OPENBLAS_CORETYPE alike everywhere, or give \(SettingName.allowDifferentKernels) if the same bits are not needed"
        case _ where fact.hasPrefix(weights):
            "one of them computes wrongly; resume from a checkpoint without it"
        default: "all processes read the same files"
        }
    }
}

/// What one process was asked, all of them do: each tells the others, at the same places of a run.
struct AgreedStop {
    private let exchange: any GradientExchange
    private let shouldStop: () -> Bool

    init(_ exchange: any GradientExchange, _ shouldStop: @escaping () -> Bool) {
        (self.exchange, self.shouldStop) = (exchange, shouldStop)
    }

    func callAsFunction() throws -> Bool { try exchange.any(shouldStop()) }
}
