import Messages
import Tasks

extension Metric {
    /// How far from `value` a distance given by people reaches: in the metric's units, or, of a metric without a scale of its
    /// own, a share of the value.
    func reach(_ distance: Double, from value: Double) -> Double {
        isUnbounded ? distance * abs(value) : distance
    }

    /// Such a distance for people: `0.0050`, or `0.5%`.
    func told(_ distance: Double) -> String {
        guard isUnbounded else { return Figures.fixed(distance, 4) }
        return Figures.plain((1e6 * distance).rounded() / 1e4) + "%"
    }
}
