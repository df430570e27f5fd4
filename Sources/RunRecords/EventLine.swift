import Foundation
import ModelFiles
import RankAllocation

/// The keys of one record of `events.jsonl`, checked where they are taken.
struct EventLine {
    /// Bounds far above real models: rank × (2 × side + 1) × sites stays below 2^53, layers × roles small.
    enum Limit {
        static let step = 1_000_000_000_000
        static let rank = 1 << 16
        static let layer = 100_000
        static let matrixSide = 1 << 22
        static let sites = 10_000
        static let roles = 100
        static let towers = 4
        static let lineBytes = 64 << 20
        static let lineValues = 4_000_000
    }

    private let object: JSONObject
    private let file: String
    private let line: Int

    init(_ bytes: UnsafeRawBufferPointer, file: String, line: Int) throws {
        self.file = file
        self.line = line
        let value: JSONValue
        do {
            value = try JSONValue.parse(
                bytes,
                limits: JSONLimits(
                    depth: 8, byteCount: Limit.lineBytes, values: Limit.lineValues, textBytes: Limit.lineBytes
                ))
        } catch let error as JSONError {
            throw RecordError(
                place: file, line: line, problem: "not JSON at byte \(error.offset): \(error.problem)",
                advice: Self.advice)
        }
        guard let object = value.object else {
            throw RecordError(place: file, line: line, problem: "not a JSON object", advice: Self.advice)
        }
        self.object = object
    }

    private static let advice = "only the last line may be torn: restore the file from where it was copied"

    func error(_ problem: String) -> RecordError {
        RecordError(place: file, line: line, problem: problem, advice: Self.advice)
    }

    func value(_ key: String) throws -> JSONValue {
        // Few keys, all short: looking through them beats hashing, and a long run has a million look-ups.
        guard let at = object.keys.firstIndex(of: key) else { throw error("key '\(key)' is missing") }
        return object.values[at]
    }

    private func wrong(_ key: String, _ expected: String) -> RecordError {
        error("key '\(key)' should be \(expected)")
    }

    func text(_ key: String) throws -> String {
        guard let text = try value(key).string else { throw wrong(key, "a string") }
        return text
    }

    func flag(_ key: String) throws -> Bool {
        guard let flag = try value(key).bool else { throw wrong(key, "true or false") }
        return flag
    }

    func texts(_ key: String) throws -> [String] {
        guard let values = try value(key).array else { throw wrong(key, "an array of strings") }
        return try values.map {
            guard let text = $0.string else { throw wrong(key, "an array of strings") }
            return text
        }
    }

    func count(_ key: String) throws -> Int {
        guard let count = try value(key).int, count >= 0 else { throw wrong(key, "an integer of at least 0") }
        return count
    }

    /// nil where a run of an older version has no such key.
    func countIfPresent(_ key: String) throws -> Int? { object.keys.contains(key) ? try count(key) : nil }

    /// nil also where a run of an older version has no such key.
    func textUnlessNull(_ key: String) throws -> String? {
        guard object.keys.contains(key), try !value(key).isNull else { return nil }
        return try text(key)
    }

    /// nil where a run of an older version has no such key.
    func textIfPresent(_ key: String) throws -> String? { object.keys.contains(key) ? try text(key) : nil }

    /// Empty where a run of an older version has no such key.
    func facts(_ key: String) throws -> [RunRecord.Fact] {
        guard object.keys.contains(key) else { return [] }
        guard let members = try value(key).object?.members else { throw wrong(key, "an object of strings") }
        return try members.map { name, value in
            guard let text = value.string else { throw wrong(key, "an object of strings") }
            return .init(name: name, value: text)
        }
    }

    /// Triplets where a run of an older version does not say.
    func budgetUnit() throws -> BudgetUnit {
        guard object.keys.contains("budgetUnit") else { return .triplets }
        let name = try text("budgetUnit")
        guard let unit = BudgetUnit(rawValue: name) else {
            throw error("unknown budget unit '\(name.prefix(40))'")
        }
        return unit
    }

    func step(_ key: String = "step") throws -> Int {
        let step = try count(key)
        guard step <= Limit.step else { throw wrong(key, "at most \(Limit.step)") }
        return step
    }

    func optionalStep(_ key: String) throws -> Int? { try value(key).isNull ? nil : try step(key) }

    /// NaN for null, which is how JSON writers put a number that is not finite.
    func number(_ key: String) throws -> Double { try optionalNumber(key) ?? .nan }

    /// nil also where a run of an older version has no such key.
    func numberIfPresent(_ key: String) throws -> Double? {
        object.keys.contains(key) ? try optionalNumber(key) : nil
    }

    func optionalNumber(_ key: String) throws -> Double? {
        let value = try value(key)
        if value.isNull { return nil }
        guard let number = value.double else { throw wrong(key, "a number or null") }
        return number
    }

    func metrics() throws -> [RunRecord.Metric] {
        guard let members = try value("metrics").object?.members else {
            throw wrong("metrics", "an object of numbers")
        }
        return try members.map { name, value in
            guard value.isNull || value.double != nil else { throw wrong("metrics", "an object of numbers") }
            return .init(name: name, value: value.double)
        }
    }

    func ranks() throws -> [Int] {
        guard let values = try value("ranks").array else { throw wrong("ranks", "an array of ranks") }
        return try values.map {
            guard let rank = $0.int, (0...Limit.rank).contains(rank) else {
                throw wrong("ranks", "an array of integers from 0 to \(Limit.rank)")
            }
            return rank
        }
    }

    func sites() throws -> [RunRecord.Site] {
        guard let values = try value("sites").array, values.count <= Limit.sites else {
            throw wrong("sites", "an array of at most \(Limit.sites) objects")
        }
        let sites = try values.map { value in
            guard let name = value["site"]?.string, let role = value["role"]?.string,
                let layer = value["layer"]?.int, (0...Limit.layer).contains(layer),
                let outputs = value["outputs"]?.int, (1...Limit.matrixSide).contains(outputs),
                let inputs = value["inputs"]?.int, (1...Limit.matrixSide).contains(inputs)
            else { throw wrong("sites", "an array of objects with site, layer, role, outputs and inputs") }
            guard value["tower"] == nil || value["tower"]?.string != nil else {
                throw wrong("sites", "an array of objects whose tower is a string")
            }
            return RunRecord.Site(
                name: name, tower: value["tower"]?.string, layer: layer, role: role, outputs: outputs,
                inputs: inputs,
                trained: try trained(value["trained"]))
        }
        guard Set(sites.map(\.name)).count == sites.count else {
            throw error("key 'sites' has the same site twice")
        }
        let places = Dictionary(grouping: sites) { $0.tower }
        guard
            places.values.allSatisfy({ own in Set(own.map { "\($0.layer) \($0.role)" }).count == own.count })
        else { throw error("key 'sites' has the same layer and role twice") }
        guard places.count <= Limit.towers else {
            throw error("key 'sites' has more than \(Limit.towers) towers")
        }
        guard Set(sites.map(\.role)).count <= Limit.roles else {
            throw error("key 'sites' has more than \(Limit.roles) roles")
        }
        return sites
    }

    /// None where one budget is over all.
    func towerBudgets() throws -> [RunRecord.TowerBudget] {
        try towers("towerBudgets", "initial", "final").map {
            .init(tower: $0.tower, initial: $0.values.0, final: $0.values.1)
        }
    }

    /// - Parameter start: whose budgets these follow
    func towerShares(_ start: RunRecord.Start?) throws -> [RunRecord.Allocation.TowerShare] {
        let shares = try towers("towers", "budget", "spent")
        let names = start?.towerBudgets.map(\.tower) ?? []
        guard shares.map(\.tower) == names else {
            throw error(
                "key 'towers' should have \(names.isEmpty ? "no towers" : names.joined(separator: ", ")), as the start record"
            )
        }
        return shares.map { .init(budget: $0.values.0, spent: $0.values.1) }
    }

    /// An object of towers with two counts each.
    private func towers(_ key: String, _ first: String, _ second: String) throws
        -> [(tower: String, values: (Int, Int))]
    {
        guard let towers = object[key] else { return [] }
        let expected = "an object of at most \(Limit.towers) towers, each with \(first) and \(second)"
        guard let members = towers.object?.members, members.count <= Limit.towers else {
            throw wrong(key, expected)
        }
        return try members.map { tower, value in
            guard let one = value[first]?.int, let other = value[second]?.int, one >= 0, other >= 0 else {
                throw wrong(key, expected)
            }
            return (tower, (one, other))
        }
    }

    /// nil where a run of an older version does not say.
    private func trained(_ value: JSONValue?) throws -> RunRecord.Site.Trained? {
        guard let value else { return nil }
        guard let perRank = value["perRank"]?.int, (0...2 * Limit.matrixSide + 1).contains(perRank),
            let beside = value["beside"]?.int, (0...Limit.matrixSide).contains(beside)
        else { throw wrong("sites", "an array of objects whose trained has perRank and beside") }
        return .init(perRank: perRank, beside: beside)
    }

    /// None where the line has none.
    func parts() throws -> [RunRecord.Part] {
        guard let list = object["parts"] else { return [] }
        guard let values = list.array, values.count <= Limit.sites else {
            throw wrong("parts", "an array of at most \(Limit.sites) objects")
        }
        return try values.map { value in
            let layer = value["layer"] ?? .null
            guard let kind = value["kind"]?.string, let summary = value["summary"]?.string,
                layer.isNull || layer.int.map((0...Limit.layer).contains) ?? false,
                let parameters = value["parameters"]?.int, (0...Limit.step).contains(parameters)
            else { throw wrong("parts", "an array of objects with kind, summary, layer and parameters") }
            return RunRecord.Part(
                kind: kind, summary: summary, layer: layer.int, parameters: parameters)
        }
    }

    /// Steps grow from record to record.
    func check(_ step: Int, follows last: Int?) throws {
        guard let last, step <= last else { return }
        throw error("step \(step) follows step \(last)")
    }
}
