import Messages
import RankAllocation
import Settings
import Transformers

/// A budget of its own for each tower of a model of two, all said in one way: as triplets, as an average rank, or as
/// parameters.
package struct TowerBudgets: Sendable, Equatable {
    /// In the order of `LinearSite.Tower.allCases`
    private let budgets: [Budget]

    package init(text: Budget, vision: Budget) { budgets = [text, vision] }

    package subscript(tower: LinearSite.Tower) -> Budget {
        budgets[LinearSite.Tower.allCases.firstIndex(of: tower) ?? 0]
    }

    /// Whether these are said as the one setting does that `isOwn` knows.
    func are(_ isOwn: (Budget) -> Bool) -> Bool { budgets.allSatisfy(isOwn) }

    /// `text=24,vision=48`
    init(_ text: String, one: (SettingValue) throws -> Budget) throws {
        var given: [LinearSite.Tower: Budget] = [:]
        for part in try SettingValue(content: .text(text)).names() {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(Self.trimmed)
            guard sides.count == 2 else {
                throw ValueProblem("\(quoted(part)) is not a budget of a tower", "write \(Self.example)")
            }
            guard let tower = LinearSite.Tower(rawValue: sides[0]) else {
                throw ValueProblem(
                    "\(quoted(sides[0])) is not a tower",
                    "write \(Self.example), for \(alternatives(Self.names)) are what towers are called")
            }
            guard given[tower] == nil else {
                throw ValueProblem("the tower \(tower.rawValue) has two budgets", "give one of each tower")
            }
            given[tower] = try one(SettingValue(content: .text(sides[1])))
        }
        if let missing = LinearSite.Tower.allCases.first(where: { given[$0] == nil }) {
            throw ValueProblem(
                "the tower \(missing.rawValue) has no budget",
                "add \(missing.rawValue)=N, or give one number for both towers together")
        }
        budgets = LinearSite.Tower.allCases.compactMap { given[$0] }
    }

    /// As it is read.
    func text(_ one: (Budget) -> String?) -> String {
        zip(LinearSite.Tower.allCases, budgets).map { "\($0.rawValue)=\(one($1) ?? "")" }.joined(
            separator: ",")
    }

    private static var names: [String] { LinearSite.Tower.allCases.map(\.rawValue) }
    private static let example = "text=24,vision=48"

    private static func trimmed(_ part: Substring) -> String {
        String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
