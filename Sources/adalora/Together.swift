import ArgumentParser
import DataParallel
import Foundation
import Glibc
import Messages
import Synchronization
import Training

/// How processes that were started together wait for each other.
struct TogetherOptions: ParsableArguments {
    @Option(
        name: .customLong("exchange-timeout"),
        help: ArgumentHelp(
            "With mpirun: seconds that another process may take to answer before the run is saved and ends.",
            valueName: "seconds"))
    var patience = 600.0
    @Flag(
        help:
            "With mpirun: work also where products round otherwise on one machine than on another; results then depend on who computed what."
    )
    var allowDifferentKernels = false

    func validate() throws {
        guard patience.isFinite, patience >= 1 else {
            throw ValidationError("--exchange-timeout must be at least 1 second, not \(patience)")
        }
    }
}

/// The processes of this command. The first one alone speaks.
enum Together {
    /// Where errors of the others go, which are silent but for these
    private static let spokenError = Mutex<(rank: Int, processes: Int, descriptor: Int32)?>(nil)
    /// Which commands several processes do together
    private static let commands: Set = ["train", "evaluate", "predict", "compare"]

    /// - Throws: for a command that would do everything several times.
    static func check(_ arguments: [String]) throws {
        // mpirun gives its processes terminals, whatever its own output goes to.
        if Processes.announced > 1 { setenv("NO_COLOR", "1", 0) }
        guard Processes.announced > 1, let command = arguments.first, !command.hasPrefix("-"),
            !commands.contains(command), !arguments.contains("--help"), !arguments.contains("-h")
        else { return }
        throw ValidationError(
            "\(command) is not done by several processes together, and \(Processes.announced) were started; start it without a launcher"
        )
    }

    /// - Throws: `ExchangeError`
    ///
    /// - Parameter patience: seconds that another process may take to answer.
    static func join(patience: Double, isEnding: @escaping @Sendable () -> Bool) throws
        -> any GradientExchange
    {
        let exchange = try Processes.join(patience: patience, isEnding: isEnding)
        if exchange.processes > 1 { Interruption.watchLauncher() }
        if exchange.processes > 1 && !exchange.leads {
            let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
            let saved = (rank: exchange.rank, processes: exchange.processes, descriptor: dup(STDERR_FILENO))
            spokenError.withLock { $0 = saved }
            dup2(nowhere, STDOUT_FILENO)
            dup2(nowhere, STDERR_FILENO)
        }
        return exchange
    }

    /// Cores for each of the processes on this machine; nil for one by itself.
    static var threads: Int? {
        guard Processes.announced > 1 else { return nil }
        let own = ProcessInfo.processInfo.activeProcessorCount
        // A launcher that binds its processes to cores has divided them.
        let all = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return own < all ? own : max(1, all / Processes.announcedHere)
    }

    static func leave() { Processes.leave() }

    /// Says why the command failed, and ends the others. Where the first process failed as well, its word is enough.
    static func fail(_ text: String, status: Int32) {
        if let other = spokenError.withLock({ $0 }) {
            sleep(1)
            let host = ProcessInfo.processInfo.hostName
            let line = "error: process \(other.rank) of \(other.processes) on \(host): \(text)\n"
            _ = line.withCString { write(other.descriptor, $0, strlen($0)) }
        } else {
            Terminal.error("error: \(text)")
        }
        Processes.abort(status)
    }

    /// What a person who starts several processes should know.
    static func notes(checkpointEvery: Int) -> [String] {
        guard Processes.announced > 1 else { return [] }
        let environment = ProcessInfo.processInfo.environment
        let grace = environment["OMPI_MCA_odls_base_sigkill_timeout"].flatMap { Int($0) } ?? 1
        var notes: [String] = []
        if grace < 15 {
            notes.append(
                "when it is told to end, or a process is lost, mpirun kills the others within \(2 * grace) s, which may be too short to save "
                    + "the state: end a run by kill -USR1 and mpirun's process, and give mpirun --mca odls_base_sigkill_timeout 15"
            )
        }
        if checkpointEvery == 0 {
            notes.append(
                "if the first process is lost, so is what was not saved: --checkpoint-every N saves on the way"
            )
        }
        return notes
    }
}
