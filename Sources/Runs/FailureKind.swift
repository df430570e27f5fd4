import Adapters
import ChatTemplates
import Datasets
import Foundation
import Images
import Matrices
import Messages
import ModelFiles
import RankAllocation
import RunConfiguration
import RunRecords
import Tasks
import Tokenizers
import Training
import Transformers

/// What kind of thing went wrong: of every error type that a run may end with.
package enum FailureKind: Sendable {
    /// Settings or arguments
    case usage
    /// Rows or files that hold something else than they should
    case badData
    case missingInput
    /// The system refused to read or write.
    case inputOutput
    /// Another process is at work there.
    case inUse
    /// Neither data nor machine is at fault: the numbers left what is finite.
    case diverged
    /// Another process of the run is gone.
    case lostProcess
    case unforeseen

    package init(_ error: any Error) {
        switch error {
        case is ConfigErrors, is AdapterError, is ScheduleError: self = .usage
        case let error as AllocationError: self = error.isDivergence ? .diverged : .usage
        case is Factorization.Failure: self = .diverged
        case let error as TrainingError:
            switch error.kind {
            case .usage: self = .usage
            case .data: self = .badData
            case .missing: self = .missingInput
            case .diverged: self = .diverged
            }
        case let error as ExchangeError: self = error.kind == .lost ? .lostProcess : .badData
        case let error as TaskError:
            switch error.kind {
            case .usage: self = .usage
            case .data: self = .badData
            }
        case let error as DataError:
            switch error.kind {
            case .missing: self = .missingInput
            case .unreadable: self = .inputOutput
            case .invalid: self = .badData
            }
        case let error as ImageError:
            switch error.kind {
            case .missing: self = .missingInput
            case .unreadable: self = .inputOutput
            case .invalid: self = .badData
            }
        case let error as ModelFileError:
            switch error.kind {
            case .missing: self = .missingInput
            case .invalid: self = .badData
            case .unreadable, .unwritable, .diskFull: self = .inputOutput
            case .inUse: self = .inUse
            }
        case let error as RecordError:
            switch error.kind {
            case .missing: self = .missingInput
            default: self = .badData
            }
        case let error as TokenizerError: self = error.isMissing ? .missingInput : .badData
        case is ChatTemplateError, is HeadError, is StateMismatch, is NoRowLeft, is JSONError: self = .badData
        default: self = SystemRefusal(error) == nil ? .unforeseen : .inputOutput
        }
    }

    /// The error as a person reads it.
    package static func text(_ error: any Error) -> String {
        SystemRefusal(error)?.description ?? "\(error)"
    }
}

/// What Foundation throws where the system refuses a file: its own text is for developers, of several lines' length.
private struct SystemRefusal: CustomStringConvertible {
    let description: String

    /// nil for any other error.
    init?(_ error: any Error) {
        let error = error as NSError
        guard [NSCocoaErrorDomain, NSPOSIXErrorDomain].contains(error.domain) else { return nil }
        let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
        let reason =
            cause.domain == NSPOSIXErrorDomain
            ? String(cString: strerror(Int32(cause.code))) : cause.localizedDescription
        let path = error.userInfo[NSFilePathErrorKey] as? String
        description =
            (path.map { oneLine($0) + ": " } ?? "")
            + "\(oneLine(reason)); check the path, the permissions and the disk"
    }
}
