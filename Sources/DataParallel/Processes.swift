import Foundation
import Training

/// The processes that a launcher started together.
package enum Processes {
    /// How many a launcher says it started, whichever it is; 1 where none did.
    package static var announced: Int {
        let environment = ProcessInfo.processInfo.environment
        return names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 1
    }

    /// Open MPI's mpirun, then others that set what MPICH and Slurm do.
    private static let names = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"]

    /// How many of them are on this machine
    package static var announcedHere: Int {
        let environment = ProcessInfo.processInfo.environment
        let here = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"].lazy.compactMap {
            environment[$0].flatMap { Int($0) }
        }.first
        return max(here ?? announced, 1)
    }

    /// Whether this build can work with others.
    package static var canJoin: Bool {
        #if MPI
            true
        #else
            false
        #endif
    }

    /// What a launcher's environment holds for its processes: a program that one of these starts is not one of them.
    package static func isOfLauncher(_ variable: String) -> Bool {
        ["OMPI_", "PMIX_", "PMI_", "ORTE_", "PRTE_"].contains { variable.hasPrefix($0) }
    }

    /// The processes that this one was started with; itself alone where no launcher was at work.
    ///
    /// - Parameters:
    ///   - patience: seconds that another process may take to answer.
    ///   - isEnding: whether somebody wants this process to end.
    /// - Throws: `ExchangeError` where there are others and this build cannot work with them.
    package static func join(patience: Double, isEnding: @escaping @Sendable () -> Bool) throws
        -> any GradientExchange
    {
        guard announced > 1 else { return SoleProcess() }
        #if MPI
            return try MPIExchange(patience: patience, isEnding: isEnding)
        #else
            throw ExchangeError(
                .differs,
                "\(announced) processes were started together, and this adalora is built without MPI, so that each would train by "
                    + "itself; build it with the package trait MPI (docs/several-machines.md), or start it without a launcher"
            )
        #endif
    }

    /// Says good-bye to the others: at the end of a command that went well, in all of them.
    package static func leave() {
        #if MPI
            MPIExchange.leave()
        #endif
    }

    /// Ends all of them.
    package static func abort(_ status: Int32) {
        #if MPI
            MPIExchange.abort(status)
        #endif
    }
}
