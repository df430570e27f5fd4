import Foundation
import Glibc

/// How busy the machine is with what is not this process or one that it started and has waited for: times of steps that were taken
/// beside other work are no measure of speed.
package struct OtherWork {
    /// Share of a core up to which nothing is said of it: the system always does something.
    static let least = 0.1

    /// Seconds that the cores were busy, with anything and with what is ours
    private let start: (all: Double, own: Double)
    private let began = ContinuousClock.now

    /// nil where the system does not tell.
    init?() {
        guard let all = Self.all else { return nil }
        start = (all, Self.own)
    }

    /// Cores that others kept busy since then, on average; nil where the system does not tell, or it was just now.
    var cores: Double? {
        let elapsed = (ContinuousClock.now - began).seconds
        guard let all = Self.all, elapsed > 1 else { return nil }
        return max(0, all - start.all - (Self.own - start.own)) / elapsed
    }

    /// Of all cores, also what a host took of a virtual machine's.
    private static var all: Double? {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8) else { return nil }
        return seconds(stat: text, ticks: Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Of the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, and what is in these already.
    package static func seconds(stat text: String, ticks: Double) -> Double? {
        let fields = text.prefix { !$0.isNewline }.split(separator: " ")
        let counts = fields.dropFirst().map { Double($0) }
        guard fields.first == "cpu", counts.count >= 8, ticks > 0 else { return nil }
        let busy = [0, 1, 2, 5, 6, 7].compactMap { counts[$0] }
        return busy.count == 6 ? busy.reduce(0, +) / ticks : nil
    }

    private static var own: Double {
        [RUSAGE_SELF, RUSAGE_CHILDREN].reduce(0) { sum, who in
            var usage = rusage()
            guard getrusage(__rusage_who_t(who.rawValue), &usage) == 0 else { return sum }
            let times = [usage.ru_utime, usage.ru_stime]
            return sum + times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
        }
    }
}
