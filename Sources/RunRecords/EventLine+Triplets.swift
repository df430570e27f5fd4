import ModelFiles

extension EventLine {
    /// The sites of a record of `triplets.jsonl`.
    func triplets() throws -> [TripletHistory.Site] {
        guard let values = try value("sites").array, values.count <= Limit.sites else {
            throw error("key 'sites' should be an array of at most \(Limit.sites) objects")
        }
        return try values.enumerated().map { at, value in
            do {
                return try Self.triplets(value)
            } catch let fault as Fault {
                throw error("key 'sites', entry \(at + 1): \(fault.problem)")
            }
        }
    }

    private struct Fault: Error {
        let problem: String
    }

    private static func triplets(_ value: JSONValue) throws -> TripletHistory.Site {
        guard let object = value.object else { throw Fault(problem: "this should be an object") }
        for key in ["kept", "values", "importance", "error", "energy"] where object[key] == nil {
            throw Fault(problem: "key '\(key)' is missing")
        }
        guard let kept = object["kept"]?.string, kept.utf8.count <= Limit.rank,
            kept.utf8.allSatisfy({ $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") })
        else {
            throw Fault(problem: "key 'kept' should be a string of at most \(Limit.rank) characters 0 and 1")
        }
        let mask = kept.utf8.map { $0 == UInt8(ascii: "1") }
        let importance = try numbers(object, "importance")
        guard importance.isEmpty || importance.count == mask.count else {
            throw Fault(
                problem: "key 'importance' has \(importance.count) values, there are \(mask.count) triplets")
        }
        return .init(
            kept: mask, spectrum: try spectrum(object, rank: mask.count { $0 }), importance: importance,
            orthogonalityError: try size(object, "error"), keptEnergy: try size(object, "energy"))
    }

    private static func spectrum(_ object: JSONObject, rank: Int) throws -> Spectrum {
        let values = try numbers(object, "values")
        guard values.count == rank else {
            throw Fault(problem: "key 'values' has \(values.count) values, \(rank) triplets are kept")
        }
        // Null is how JSON writers put what is not finite: the run diverged.
        let numbers = values.map { $0 ?? .nan }
        guard !numbers.contains(where: { $0 < 0 }) else {
            throw Fault(problem: "key 'values' has a value below 0")
        }
        guard !zip(numbers, numbers.dropFirst()).contains(where: { $0 < $1 }) else {
            throw Fault(problem: "key 'values' should descend")
        }
        return Spectrum(numbers)
    }

    private static func numbers(_ object: JSONObject, _ key: String) throws -> [Double?] {
        guard let values = object[key]?.array, values.allSatisfy({ $0.isNull || $0.double != nil }) else {
            throw Fault(problem: "key '\(key)' should be an array of numbers or null")
        }
        return values.map(\.double)
    }

    private static func size(_ object: JSONObject, _ key: String) throws -> Double? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let number = value.double, number >= 0 else {
            throw Fault(problem: "key '\(key)' should be a number of at least 0, or null")
        }
        return number
    }
}
