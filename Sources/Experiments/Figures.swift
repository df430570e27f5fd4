import Foundation
import Messages

extension Figures {
    /// A mean of counts, rounded: `82,944`.
    package static func whole(_ value: Double) -> String { grouped(Int(value.rounded())) }

    /// `0.5470 ± 0.0120`, the mean alone for one number.
    package static func spread(_ summary: Summary) -> String {
        fixed(summary.mean, 4) + (summary.deviation.map { " ± " + fixed($0, 4) } ?? "")
    }

    /// `+0.0150 [+0.0030, +0.0270]`; `[no interval]` when nothing could be resampled.
    package static func difference(_ difference: PairedDifference) -> String {
        signed(difference.mean) + " " + interval(difference.interval)
    }

    package static func interval(_ interval: ClosedRange<Double>?) -> String {
        interval.map { "[\(signed($0.lowerBound)), \(signed($0.upperBound))]" } ?? "[no interval]"
    }
}
