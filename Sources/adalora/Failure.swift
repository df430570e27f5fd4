import ArgumentParser
import Experiments
import Messages
import Runs

/// Turns errors of the libraries into one clear line on standard error and an exit status of sysexits.h:
/// 64 usage, 65 bad data, 66 missing input, 69 another process of a run is lost, 74 input or output failed, 75 in use by another process, 70 anything
/// unforeseen; 1 for a run that diverged: neither its data nor the machine is at fault.
///
/// Every error type of the sources stands here or in `FailureKind`, or is caught where it is thrown; `ExitStatusTests` holds the
/// list.
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
            Together.fail(FailureKind.text(error), status: status)
            throw ExitCode(status)
        }
    }

    static func status(of error: any Error) -> Int32 {
        if error is ComparisonError { return ExitStatus.usage }
        return switch FailureKind(error) {
        case .usage: ExitStatus.usage
        case .badData: ExitStatus.badData
        case .missingInput: ExitStatus.missingInput
        case .inputOutput: ExitStatus.inputOutput
        case .inUse: ExitStatus.inUse
        case .diverged: ExitStatus.diverged
        case .lostProcess: ExitStatus.unavailable
        case .unforeseen: ExitStatus.unforeseen
        }
    }
}
