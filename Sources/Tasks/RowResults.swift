import Foundation
import Synchronization

/// What was found of places of a data set, some of it in other processes.
package protocol ExchangedResults: Sendable {
    /// What was found at these places, for another process to hear.
    func said(at places: [Int]) -> Data
    /// Takes what another process found at these places. False where that is something else.
    func hear(_ data: Data, at places: [Int]) -> Bool
}

/// What shards leave of the sequences of a data set, each in its place.
package final class RowResults<Value: Codable & Sendable>: ExchangedResults {
    private let values: Mutex<[Value?]>

    package init(count: Int) { values = Mutex(Array(repeating: nil, count: count)) }

    /// - Parameter results: one a member.
    package func put(_ results: [Value], at members: [Int]) {
        values.withLock { values in
            for (member, result) in zip(members, results) { values[member] = result }
        }
    }

    /// In the order of the data.
    package var all: [Value] {
        values.withLock { values in
            let found = values.compactMap(\.self)
            precondition(found.count == values.count, "\(found.count) of \(values.count) sequences were read")
            return found
        }
    }

    package func said(at places: [Int]) -> Data {
        let found = values.withLock { values in places.compactMap { values[$0] } }
        precondition(found.count == places.count, "\(found.count) of \(places.count) sequences were read")
        return ExchangedForm.data(found)
    }

    package func hear(_ data: Data, at places: [Int]) -> Bool {
        guard let found = ExchangedForm.values([Value].self, data), found.count == places.count else {
            return false
        }
        values.withLock { values in
            for (place, value) in zip(places, found) { values[place] = value }
        }
        return true
    }
}

/// Values as processes tell them to each other: a property list, which keeps every bit of a number.
enum ExchangedForm {
    static func data(_ values: some Encodable) -> Data {
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        do {
            return try encoder.encode(values)
        } catch {
            preconditionFailure("results that have no form: \(error)")
        }
    }

    static func values<Values: Decodable>(_ type: Values.Type, _ data: Data) -> Values? {
        try? PropertyListDecoder().decode(type, from: data)
    }
}
