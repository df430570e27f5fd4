import Adapters
import ArgumentParser
import Comparison
import Datasets
import Foundation
import ModelFiles
import RankAllocation
import Reports
import RunConfiguration
import RunRecords
import Tokenizers
import Training

/// Turns errors of the libraries into one clear line on standard error and an exit status of sysexits.h:
/// 64 usage, 65 bad data, 66 missing input, 74 input or output failed, 75 in use by another process, 70 anything
/// unforeseen; 1 for a run that diverged.
enum Failure {
    static func run(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(status(of: error))
        }
    }

    /// The exit status of a run whose loss or weights became infinite or undefined: neither its data nor the machine is
    /// at fault.
    static let diverged: Int32 = 1

    static func status(of error: any Error) -> Int32 {
        switch error {
        case is ConfigErrors, is AdapterError, is ScheduleError, is AllocationError, is ComparisonError: 64
        case let error as TrainingError:
            switch error.kind {
            case .usage: 64
            case .data: 65
            case .missing: 66
            case .diverged: diverged
            }
        case let error as DataError:
            switch error.kind {
            case .missing: 66
            case .unreadable: 74
            case .invalid: 65
            }
        case let error as ModelFileError:
            switch error.kind {
            case .missing: 66
            case .invalid: 65
            case .unreadable, .unwritable, .diskFull: 74
            case .inUse: 75
            }
        case let error as RecordError:
            switch error.kind {
            case .missing: 66
            default: 65
            }
        case let error as TokenizerError: error.isMissing ? 66 : 65
        default: 70
        }
    }
}
