import Foundation

/// Predictions as lines: one class index or score each; or after a line of names the shares of each row, two a metric.
extension Predictions {
    private static let sharesMark = "shares "

    var text: String {
        switch self {
        case .classes(let classes): classes.map { "\($0)\n" }.joined()
        // Always with a point, an exponent, or letters, which tells scores from classes.
        case .scores(let scores): scores.map { "\($0)\n" }.joined()
        case .shares(let shares): Self.text(of: shares)
        }
    }

    /// - Parameter place: what messages call a line, counted from 1.
    /// - Throws: `ComparisonError` naming the line that is something else.
    init(lines bytes: ArraySlice<UInt8>, place: (_ line: Int) -> String) throws {
        let lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: true)
        if let names = lines.first, names.hasPrefix(Self.sharesMark) {
            self = .shares(try Self.shares(lines, place: place))
            return
        }
        var classes: [Int32] = []
        var scores: [Float] = []
        for (index, line) in lines.enumerated() {
            guard let score = Float(line), line.utf8.count < 40 else {
                throw ComparisonError(
                    "\(place(index + 1)): \(quoted(String(line))) is neither a class index nor a score; "
                        + "\(Self.advice)")
            }
            scores.append(score)
            if let value = Int32(line), value >= 0 { classes.append(value) }
        }
        self = classes.count == scores.count ? .classes(classes) : .scores(scores)
    }

    private static let advice = "delete the file and repeat the run"

    private static func text(of shares: [String: [Share]]) -> String {
        let names = shares.keys.sorted()
        var text = sharesMark + names.joined(separator: " ") + "\n"
        for row in 0..<(shares.values.first?.count ?? 0) {
            let values = names.flatMap { name in
                shares[name].map { ["\($0[row].part)", "\($0[row].whole)"] } ?? []
            }
            text += values.joined(separator: " ") + "\n"
        }
        return text
    }

    private static func shares(
        _ lines: [Substring], place: (_ line: Int) -> String
    ) throws -> [String: [Share]] {
        let names = lines[0].dropFirst(sharesMark.count).split(separator: " ").map(String.init)
        var shares: [String: [Share]] = [:]
        for (index, line) in lines.enumerated().dropFirst() {
            let values = line.split(separator: " ").compactMap { Double($0) }
            guard values.count == 2 * names.count, values.allSatisfy(\.isFinite) else {
                throw ComparisonError(
                    "\(place(index + 1)): not two numbers for each of \(names.count) metrics; \(advice)")
            }
            for (at, name) in names.enumerated() {
                shares[name, default: []].append(Share(part: values[2 * at], whole: values[2 * at + 1]))
            }
        }
        return shares
    }
}
