/// Exit statuses of the program: those of sysexits.h, and 1 for a run that diverged.
package enum ExitStatus {
    package static let diverged: Int32 = 1
    package static let usage: Int32 = 64
    package static let badData: Int32 = 65
    package static let missingInput: Int32 = 66
    package static let unavailable: Int32 = 69
    package static let unforeseen: Int32 = 70
    package static let inputOutput: Int32 = 74
    package static let inUse: Int32 = 75
}
