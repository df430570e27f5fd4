import ArgumentParser
import Matrices

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Show what a report of a problem should hold, and warn of slow setups.",
        discussion: """
            Version and commit, system, CPU, memory, the libraries with their versions and files, the BLAS kernel \
            and its measured speed, and the environment variables that change what the program does. --json is the \
            same for programs.
            """)

    @Flag(help: "Print only the kernel name that OPENBLAS_CORETYPE should have (for scripts).") var kernel =
        false
    @Flag(help: "Print JSON instead of text.") var json = false

    func validate() throws {
        if kernel && json { throw ValidationError("give --kernel or --json, not both") }
    }

    func run() throws {
        if kernel {
            Terminal.output(KernelSelection.currentKernel)
            return
        }
        let checkup = Checkup()
        Terminal.output(json ? checkup.json.text(pretty: true) : checkup.text)
        // JSON has the warning as a member.
        if let warning = checkup.warning, !json { Terminal.output("warning: \(warning)") }
        if checkup.isBroken {
            Terminal.error(
                "error: OpenBLAS computes wrong products here; set OPENBLAS_CORETYPE=Haswell, or update libopenblas"
            )
            throw ExitCode(70)
        }
    }
}
