import BuildFacts
import Experiments
import Foundation
import Matrices

/// What a run's start record says about the program and the machine.
enum RunOrigin {
    static func facts() -> [(name: String, value: String)] {
        let commit = Origin().commit
        let facts: [(name: String, value: String?)] = [
            ("program", "adalora \(Build.version)"),
            ("commit", commit == "unknown" ? nil : commit), ("cpu", Origin.cpuName),
            ("cores", "\(ProcessInfo.processInfo.activeProcessorCount)"),
            ("system", system), ("openblas", KernelSelection.openBLASConfiguration),
        ]
        return facts.compactMap { fact in fact.value.map { (fact.name, $0) } }
    }

    /// `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`; nil where neither is known.
    static var system: String? {
        let parts = [distribution, kernel].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private static var distribution: String? {
        guard let text = try? String(contentsOfFile: "/etc/os-release", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
        return line.map { $0.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: ["\""]) }
    }

    private static var kernel: String? {
        guard let text = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8) else {
            return nil
        }
        return "Linux \(text.trimmingCharacters(in: .whitespacesAndNewlines))"
    }
}
