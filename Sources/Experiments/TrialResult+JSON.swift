import Foundation
import ModelFiles

/// A result as a line of `results.jsonl`.
extension TrialResult {
    private enum Key: String, CaseIterable {
        case id, stage, arm, budget, seed, fold, status, reason, ranks, steps, machine, commit, kernel,
            started
        case warnings
        case learningRate = "learning-rate"
        case validationMetrics = "validation"
        case testMetrics = "test"
        case trainableParameters = "trainable-parameters"
        case parametersAtStart = "parameters-at-start"
        case adapterParameters = "adapter-parameters"
        case secondsPerStep = "seconds-per-step"
        case tokensPerSecond = "tokens-per-second"
        case peakMemoryBytes = "peak-memory-bytes"
        case otherCores = "other-cores"
        case bestStep = "best-step"
    }

    /// - Throws: `ComparisonError` that says what is wrong with the line, and where in it.
    init(line: Data) throws {
        let fields = try Fields(line)
        let status: Status
        switch try fields.text(.status) {
        case "ok": status = .ok
        case "failed": status = .failed(try fields.text(.reason))
        case let other: throw ComparisonError("status \(quoted(other)) is neither ok nor failed")
        }
        let stages = Trial.Stage.allCases.map(\.rawValue).joined(separator: " or ")
        self.init(
            id: try fields.text(.id),
            stage: try fields.need(.stage, stages) { $0.string.flatMap(Trial.Stage.init) },
            arm: try fields.text(.arm),
            budget: try fields.optional(
                .budget, "an object with 'average-rank' or 'parameters'", Budget.init(json:)),
            learningRate: try fields.need(.learningRate, "a number", \.double),
            seed: try fields.need(.seed, "a whole number from 0 to \(UInt64.max)", Self.seed),
            fold: try fields.count(.fold), status: status)
        validationMetrics = try fields.metrics(.validationMetrics)
        testMetrics = try fields.metrics(.testMetrics)
        trainableParameters = try fields.count(.trainableParameters)
        parametersAtStart = try fields.count(.parametersAtStart)
        adapterParameters = try fields.count(.adapterParameters)
        ranks = try fields.members(.ranks, "an object of whole numbers", \.int)
        steps = try fields.count(.steps)
        secondsPerStep = try fields.optional(.secondsPerStep, "a number", \.double)
        tokensPerSecond = try fields.optional(.tokensPerSecond, "a number", \.double)
        peakMemoryBytes = try fields.count(.peakMemoryBytes)
        otherCores = try fields.optional(.otherCores, "a number", \.double)
        bestStep = try fields.count(.bestStep)
        machine = try fields.optional(.machine, "a string", \.string)
        commit = try fields.optional(.commit, "a string", \.string)
        kernel = try fields.optional(.kernel, "a string", \.string)
        started = try fields.optional(.started, "a string", \.string)
        warnings =
            try fields.optional(.warnings, "an array of strings") { value in
                value.array.flatMap { list in
                    let texts = list.compactMap(\.string)
                    return texts.count == list.count ? texts : nil
                }
            } ?? []
    }

    /// Keys in their order, so that the same result is always the same line. JSON has no NaN: numbers that are not finite
    /// are written as undefined.
    var line: String {
        var values: [Key: JSONValue] = [
            .id: .string(id), .stage: .string(stage.rawValue), .arm: .string(arm),
            .learningRate: .number(learningRate), .seed: Self.json(seed),
            .status: .string(isOK ? "ok" : "failed"),
            .validationMetrics: Self.json(validationMetrics) { .number($0 ?? .nan) },
            .testMetrics: Self.json(testMetrics) { .number($0 ?? .nan) },
            .ranks: Self.json(ranks) { JSONValue($0) },
        ]
        values[.budget] = budget?.json
        values[.reason] = failure.map { .string($0) }
        for (key, count) in [
            (Key.trainableParameters, trainableParameters), (.parametersAtStart, parametersAtStart),
            (.adapterParameters, adapterParameters),
            (.fold, fold), (.steps, steps), (.peakMemoryBytes, peakMemoryBytes), (.bestStep, bestStep),
        ] {
            values[key] = count.map { JSONValue($0) }
        }
        for (key, rate) in [
            (Key.secondsPerStep, secondsPerStep), (.tokensPerSecond, tokensPerSecond),
            (.otherCores, otherCores),
        ] {
            values[key] = rate.flatMap { $0.isFinite ? .number($0) : nil }
        }
        for (key, text) in [
            (Key.machine, machine), (.commit, commit), (.kernel, kernel), (.started, started),
        ] {
            values[key] = text.map { .string($0) }
        }
        if !warnings.isEmpty { values[.warnings] = .array(warnings.map { .string($0) }) }
        let named = Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) })
        return Self.json(named) { $0 }.text()
    }

    private static func json<Value>(
        _ values: [String: Value], _ write: (Value) -> JSONValue
    ) -> JSONValue {
        var object = JSONObject()
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { object[key] = write(value) }
        return .object(object)
    }

    private static func seed(_ value: JSONValue) -> UInt64? {
        if case .largeInteger(let digits) = value { return UInt64(digits) }
        return value.int.flatMap { UInt64(exactly: $0) }
    }

    static func json(_ seed: UInt64) -> JSONValue {
        // Above 2^53 a JSON number that is read as a Double is another seed.
        seed < 1 << 53 ? JSONValue(Int(seed)) : .largeInteger(String(seed))
    }

    /// The members of a line, each of its kind.
    private struct Fields {
        let object: JSONObject

        init(_ line: Data) throws {
            do {
                guard let object = try JSONValue.parse(line).object else {
                    throw ComparisonError("not a JSON object")
                }
                self.object = object
            } catch let error as JSONError {
                throw ComparisonError("not JSON at byte \(error.offset): \(error.problem)")
            }
            for key in object.keys where Key(rawValue: key) == nil {
                throw ComparisonError("\(quoted(key)) is not a field of a result")
            }
        }

        /// nil also for null.
        func optional<Value>(
            _ key: Key, _ kind: String, _ read: (JSONValue) -> Value?
        ) throws -> Value? {
            guard let value = object[key.rawValue], !value.isNull else { return nil }
            guard let read = read(value) else { throw ComparisonError("'\(key.rawValue)' should be \(kind)") }
            return read
        }

        func need<Value>(_ key: Key, _ kind: String, _ read: (JSONValue) -> Value?) throws -> Value {
            guard let value = try optional(key, kind, read) else {
                throw ComparisonError("'\(key.rawValue)' is missing")
            }
            return value
        }

        func text(_ key: Key) throws -> String { try need(key, "a string", \.string) }

        func count(_ key: Key) throws -> Int? { try optional(key, "a whole number", \.int) }

        func members<Value>(
            _ key: Key, _ kind: String, _ read: (JSONValue) -> Value?
        ) throws -> [String: Value] {
            let members = try need(key, kind, \.object).members
            var values: [String: Value] = [:]
            for (name, value) in members {
                guard let read = read(value) else {
                    throw ComparisonError(
                        "'\(key.rawValue)' should be \(kind); \(quoted(name)) has another value")
                }
                values[name] = read
            }
            return values
        }

        func metrics(_ key: Key) throws -> [String: Double?] {
            try members(key, "an object of numbers or null") { value in
                value.isNull ? .some(nil) : value.double.map { .some($0) }
            }
        }
    }
}

extension Budget {
    /// `{"average-rank": 2}` or `{"parameters": 83000}`; nil for anything else.
    init?(json: JSONValue) {
        guard let object = json.object, object.count == 1 else { return nil }
        if let rank = object["average-rank"]?.double {
            self = .averageRank(rank)
        } else if let count = object["parameters"]?.int {
            self = .parameters(count)
        } else {
            return nil
        }
    }

    var json: JSONValue {
        switch self {
        case .averageRank(let rank): .object(["average-rank": .number(rank)])
        case .parameters(let count): .object(["parameters": JSONValue(count)])
        }
    }
}
