import Runs

/// What every function of this library throws: one kind, and what a person should read.
///
/// The text is the one that the program `adalora` would print: where, what is wrong, and what to try, in one line. Settings are
/// called in it as the program's flags are, so that `--budget` is the key `budget` of ``TrainingSettings/others`` and
/// ``TrainingSettings/budget`` here. Settings that contradict each other have a line each.
public struct AdaLoRAError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of thing went wrong.
    public enum Kind: String, Sendable {
        /// Arguments or settings that cannot be meant
        case usage
        /// Rows or files hold something else than they should.
        case badData
        /// A file or folder is not there.
        case missingInput
        /// The system refused to read or write, or the disk is full.
        case inputOutput
        /// Another process works in the run folder.
        case inUse
        /// Training left what is finite; nothing was updated.
        case diverged
        /// A fault of this library; please report it with its text.
        case unforeseen
    }

    /// Whose turn it is.
    public let kind: Kind
    /// `where: what is wrong; what to try`
    public let message: String

    /// The message
    public var description: String { message }

    init(_ kind: Kind, _ message: String) {
        (self.kind, self.message) = (kind, message)
    }

    init(_ error: any Error) {
        let kind: Kind =
            switch FailureKind(error) {
            case .usage: .usage
            case .badData: .badData
            case .missingInput: .missingInput
            case .inputOutput: .inputOutput
            case .inUse: .inUse
            case .diverged: .diverged
            // The library trains in one process.
            case .lostProcess, .unforeseen: .unforeseen
            }
        self.init(kind, FailureKind.text(error))
    }

    /// Runs `body`; whatever it throws becomes an error of this type.
    static func telling<Value>(_ body: () throws -> Value) throws(AdaLoRAError) -> Value {
        do {
            return try body()
        } catch let error as AdaLoRAError {
            throw error
        } catch {
            throw AdaLoRAError(error)
        }
    }
}
