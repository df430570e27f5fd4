import Adapters
import ArgumentParser
import ChatTemplates
import Datasets
import Experiments
import Foundation
import Matrices
import Messages
import ModelFiles
import RankAllocation
import Reports
import RunConfiguration
import RunRecords
import Tasks
import Tokenizers
import Training
import Transformers

/// Turns errors of the libraries into one clear line on standard error and an exit status of sysexits.h:
/// 64 usage, 65 bad data, 66 missing input, 69 another process of a run is lost, 74 input or output failed, 75 in use by another process, 70 anything
/// unforeseen; 1 for a run that diverged: neither its data nor the machine is at fault.
///
/// Every error type of the sources stands here, or is caught where it is thrown; `ExitStatusTests` holds the list.
enum Failure {
    static func run(_ body: () throws -> Void) throws {
        do {
            try body()
            Together.leave()
        } catch let exit as ExitCode {
            Together.leave()
            throw exit
        } catch {
            let status = status(of: error)
            Together.fail(SystemError(error)?.description ?? "\(error)", status: status)
            throw ExitCode(status)
        }
    }

    static func status(of error: any Error) -> Int32 {
        switch error {
        case is ConfigErrors, is AdapterError, is ScheduleError, is ComparisonError: ExitStatus.usage
        case let error as AllocationError: error.isDivergence ? ExitStatus.diverged : ExitStatus.usage
        case is Factorization.Failure: ExitStatus.diverged
        case let error as TrainingError:
            switch error.kind {
            case .usage: ExitStatus.usage
            case .data: ExitStatus.badData
            case .missing: ExitStatus.missingInput
            case .diverged: ExitStatus.diverged
            }
        case let error as ExchangeError: error.kind == .lost ? ExitStatus.unavailable : ExitStatus.badData
        case let error as TaskError:
            switch error.kind {
            case .usage: ExitStatus.usage
            case .data: ExitStatus.badData
            }
        case let error as DataError:
            switch error.kind {
            case .missing: ExitStatus.missingInput
            case .unreadable: ExitStatus.inputOutput
            case .invalid: ExitStatus.badData
            }
        case let error as ModelFileError:
            switch error.kind {
            case .missing: ExitStatus.missingInput
            case .invalid: ExitStatus.badData
            case .unreadable, .unwritable, .diskFull: ExitStatus.inputOutput
            case .inUse: ExitStatus.inUse
            }
        case let error as RecordError:
            switch error.kind {
            case .missing: ExitStatus.missingInput
            default: ExitStatus.badData
            }
        case let error as TokenizerError: error.isMissing ? ExitStatus.missingInput : ExitStatus.badData
        case is ChatTemplateError, is HeadError, is StateMismatch, is NoRowLeft, is JSONError:
            ExitStatus.badData
        default: SystemError(error) == nil ? ExitStatus.unforeseen : ExitStatus.inputOutput
        }
    }
}

/// What Foundation throws where the system refuses a file: its own text is for developers, of several lines' length.
private struct SystemError: CustomStringConvertible {
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
