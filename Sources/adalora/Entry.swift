import ArgumentParser
import Glibc
import Matrices

@main
enum Entry {
    static func main() {
        // Before anything else: a process that OpenBLAS gave slow kernels starts over with the right ones.
        KernelSelection.restartWithBestKernel()
        OpenBLASThreads.end()
        // A file size limit then is an error with a message, as a full disk is, and not a silent death.
        signal(SIGXFSZ, SIG_IGN)
        // A parent that ignores or blocks these must not pass that on: a run is told to end by them.
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
        signal(SIGUSR1, SIG_DFL)
        var ends = sigset_t()
        sigemptyset(&ends)
        sigaddset(&ends, SIGINT)
        sigaddset(&ends, SIGTERM)
        sigaddset(&ends, SIGUSR1)
        pthread_sigmask(SIG_UNBLOCK, &ends, nil)
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            try Together.check(arguments)
            var command = try OtherWords.command(arguments)
            try command.run()
        } catch {
            AdaloraCommand.exit(withError: error)
        }
    }
}

struct AdaloraCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adalora",
        abstract:
            "Fine-tune a pretrained transformer with adaptive-rank adapters, and see where the rank goes.",
        discussion: """
            AdaLoRA trains W + s·P·Λ·Q beside frozen weights. One total rank budget is shared by all adapted \
            matrices: at each allocation step the least important singular triplets of the whole model are pruned.

            Start with:
              adalora train --model models/minilm --train train.jsonl \\
                --validation validation.jsonl --budget 72 --output runs/first
              adalora ranks runs/first
              adalora evaluate runs/first --data test.jsonl

            Tab completion: adalora --generate-completion-script bash (or zsh, fish) \
            writes the script for your shell; the README says where to put it.
            """,
        version: BuildText.all,
        subcommands: [
            TrainCommand.self, AdviseCommand.self, PlanCommand.self, DataCommand.self, EvaluateCommand.self,
            PredictCommand.self,
            GenerateCommand.self,
            RanksCommand.self, SpectrumCommand.self, ReportCommand.self, WatchCommand.self, ServeCommand.self,
            ShrinkCommand.self,
            ExportCommand.self, ImportCommand.self, PackCommand.self, InitCommand.self,
            MergeAdaptersCommand.self, ExtractCommand.self,
            CompareCommand.self, SweepCommand.self, DoctorCommand.self,
        ])
}
