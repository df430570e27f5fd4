import Foundation
import Matrices
import RunConfiguration
import RunRecords
import Runs
import Synchronization

/// A run by this library's loop: what `adalora train` does, with rows, settings and a folder from a program.
///
///     let run = TrainingRun(
///         try Model(at: modelFolder), task: .classification, rows: .values(rows), validation: .share(0.2),
///         settings: settings, folder: URL(fileURLWithPath: "runs/first"))
///     for try await event in run.events() {
///         if case .step(let step) = event { print(step.number, step.loss, step.ranks.total) }
///     }
///
/// The value is the description of the run: nothing happens before ``train(onEvent:shouldStop:)`` or
/// ``events(shouldStop:)``. The run folder is the program's: `adalora ranks`, `report`, `watch`, `evaluate`, `export` and
/// `train --resume` work on it, and the same settings give the program and the library the same adapter to the bit.
public struct TrainingRun: Sendable {
    /// Holds the adapter, checkpoints and records. A new run's must not be there, or be empty.
    public let folder: URL
    private let source: Source

    private enum Source: Sendable {
        case new(RunRequest)
        case resumed(ignoresMemory: Bool)
    }

    /// A new run.
    ///
    /// - Parameters:
    ///   - model: stays as it is.
    ///   - task: what the head answers.
    ///   - rows: what to learn from. Labels are those of the rows.
    ///   - validation: by what the run is judged.
    ///   - settings: how it trains.
    ///   - folder: of the run; its parents are made.
    public init(
        _ model: Model, task: TrainingTask, rows: Rows, validation: Validation = .none,
        settings: TrainingSettings = TrainingSettings(), folder: URL
    ) {
        self.folder = folder
        source = .new(
            RunRequest(
                model: model.url, task: task, rows: rows, validation: validation, settings: settings,
                folder: folder))
    }

    /// A run that was interrupted or killed. It goes on at its newest whole checkpoint and ends with the same bits as one that
    /// was never stopped.
    ///
    /// - Parameters:
    ///   - folder: of the run, also one that the program `adalora` began.
    ///   - ignoresMemory: as ``TrainingSettings/ignoresMemory``, which a run does not keep.
    public init(resuming folder: URL, ignoresMemory: Bool = false) {
        self.folder = folder
        source = .resumed(ignoresMemory: ignoresMemory)
    }

    /// Trains to the end on the calling thread, with workers beside it.
    ///
    /// - Parameters:
    ///   - onEvent: called on the calling thread, in order.
    ///   - shouldStop: asked after each step and within evaluations. True saves the state and ends the run as
    ///     ``RunEvent/End/Reason/interrupted``.
    /// - Returns: what ``RunEvent/finished(_:)`` told.
    /// - Throws: ``AdaLoRAError``. What is wrong with settings, model or rows is thrown before the folder is made.
    @discardableResult
    public func train(
        onEvent: @escaping (RunEvent) -> Void = { _ in }, shouldStop: @escaping () -> Bool = { false }
    ) throws(AdaLoRAError) -> RunEvent.End {
        try AdaLoRAError.telling {
            let begun = try begin()
            let session = begun.session
            for text in begun.warnings + [Self.kernelWarning].compactMap(\.self) { onEvent(.warning(text)) }
            for text in session.notes { onEvent(.note(text)) }
            let files = RunFolder(folder)
            var translation = EventTranslation(session.sites, session.ranks)
            let end = try session.run(shouldStop: shouldStop) { event in
                if let event = translation.event(event, in: files) { onEvent(event) }
            }
            return translation.end(end)
        }
    }

    /// Trains on a thread of its own and tells what happens as it happens; the last event is ``RunEvent/finished(_:)``.
    ///
    /// The sequence may be read once. Whoever leaves it before its end, by `break` or because the task is cancelled, ends the
    /// run after its step; the state is then saved, shortly after. To know when it is, let `shouldStop` end the run and read
    /// on.
    ///
    /// - Parameter shouldStop: as of ``train(onEvent:shouldStop:)``, called on the run's thread.
    /// - Returns: events; what is thrown is an ``AdaLoRAError``.
    public func events(
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) -> AsyncThrowingStream<RunEvent, any Error> {
        AsyncThrowingStream { continuation in
            let isLeft = Flag()
            continuation.onTermination = { reason in
                if case .cancelled = reason { isLeft.raise() }
            }
            let thread = Thread {
                do {
                    try train(
                        onEvent: { continuation.yield($0) }, shouldStop: { isLeft.isRaised || shouldStop() })
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            thread.stackSize = Self.stackSize
            thread.start()
        }
    }

    /// Of a main thread: deep models make deep tapes.
    private static let stackSize = 8 << 20

    private func begin() throws -> (session: TrainingSession, warnings: [String]) {
        try ProductCheck.run()
        let session: TrainingSession
        let warnings: [String]
        switch source {
        case .new(let request):
            let loaded = try request.loaded()
            warnings = loaded.config.warnings
            session = try TrainingSession(
                loaded.config.config, rows: loaded.rows, resume: nil,
                ignoringMemory: request.settings.ignoresMemory)
        case .resumed(let ignoresMemory):
            let loaded = try RunRequest.resumed(folder)
            warnings = loaded.warnings
            session = try TrainingSession(
                loaded.config, resume: .newest, ignoringMemory: ignoresMemory)
        }
        session.environment = [
            ("program", "AdaLoRA, the Swift library"),
            ("cores", "\(ProcessInfo.processInfo.activeProcessorCount)"),
            ("openblas", KernelSelection.openBLASConfiguration),
        ]
        return (session, warnings)
    }

    private static var kernelWarning: String? {
        Kernels.better.map {
            "OpenBLAS runs its \(Kernels.name) kernels here, where the CPU could run \($0), several times faster; call "
                + "Kernels.restartWithBetter() first of all, or set OPENBLAS_CORETYPE=\($0)"
        }
    }
}

/// Raised once, from any thread.
private final class Flag: Sendable {
    private let value = Mutex(false)

    var isRaised: Bool { value.withLock { $0 } }

    func raise() { value.withLock { $0 = true } }
}
