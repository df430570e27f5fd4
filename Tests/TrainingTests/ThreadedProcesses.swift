import Foundation
import Matrices
import Synchronization
import Training

/// Processes that are threads of this one: what they exchange goes through memory.
///
/// Unchecked Sendable: the condition guards what changes.
final class ThreadedProcesses: @unchecked Sendable {
    private let count: Int
    private let condition = NSCondition()
    private var said: [Int: Data] = [:]
    private var heard = 0
    private var isGone = false

    private init(_ count: Int) { self.count = count }

    /// What each of them comes to.
    static func run<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (any GradientExchange) throws -> Result
    ) throws -> [Result] {
        let room = ThreadedProcesses(count)
        let results = Results<Swift.Result<Result, any Error>>()
        let group = DispatchGroup()
        for rank in 0..<count {
            group.enter()
            let thread = Thread {
                let result = Swift.Result { try body(Process(room: room, rank: rank)) }
                if case .failure = result { room.goneIsOne() }
                results.put(result, rank)
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        return try results.all(count).map { try $0.get() }
    }

    /// What the threads came to; a thread may live a little longer than who waits for its result.
    private final class Results<Value: Sendable>: Sendable {
        private let found = Mutex<[Int: Value]>([:])

        func put(_ value: Value, _ rank: Int) { found.withLock { $0[rank] = value } }
        func all(_ count: Int) -> [Value] { found.withLock { found in (0..<count).compactMap { found[$0] } } }
    }

    private func goneIsOne() {
        condition.lock()
        isGone = true
        condition.broadcast()
        condition.unlock()
    }

    private func gather(_ own: Data, _ rank: Int) throws -> [Data] {
        condition.lock()
        defer { condition.unlock() }
        while said[rank] != nil && !isGone { condition.wait() }
        said[rank] = own
        condition.broadcast()
        while said.count < count && !isGone { condition.wait() }
        if isGone { throw ExchangeError(.lost, "one is gone") }
        let all = (0..<count).compactMap { said[$0] }
        heard += 1
        if heard == count { (said, heard) = ([:], 0) }
        condition.broadcast()
        return all
    }

    private struct Process: GradientExchange {
        let room: ThreadedProcesses
        let rank: Int
        var processes: Int { room.count }

        func gather(_ own: Data) throws -> [Data] { try room.gather(own, rank) }

        func trade(_ sent: Matrix, counts: [Int], into received: Matrix, counts receivedCounts: [Int]) throws
        {
            var header = counts
            let floats = header.withUnsafeMutableBytes { Data($0) } + Data(buffer: sent.buffer)
            var place = 0
            for (process, data) in try gather(floats).enumerated() {
                let counts = data.prefix(8 * processes).withUnsafeBytes { Array($0.bindMemory(to: Int.self)) }
                let start = 8 * processes + 4 * counts[..<rank].reduce(0, +)
                precondition(counts[rank] == receivedCounts[process])
                for value in Self.floats(data, start, counts[rank]) {
                    received.pointer[place] = value
                    place += 1
                }
            }
        }

        func share(_ values: Matrix, counts: [Int]) throws {
            let starts = (0..<processes).map { counts[..<$0].reduce(0, +) }
            let own = values.view(offset: starts[rank], rows: 1, columns: counts[rank])
            for (process, data) in try gather(Data(buffer: own.buffer)).enumerated() {
                for (index, value) in Self.floats(data, 0, counts[process]).enumerated() {
                    values.pointer[starts[process] + index] = value
                }
            }
        }

        private static func floats(_ data: Data, _ start: Int, _ count: Int) -> [Float] {
            data.withUnsafeBytes { bytes in
                (0..<count).map { bytes.loadUnaligned(fromByteOffset: start + 4 * $0, as: Float.self) }
            }
        }
    }
}
