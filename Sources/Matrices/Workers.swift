import Dispatch
import Synchronization

/// A fixed number of workers, each with its own buffer pool, that take tasks by index.
///
/// Which worker takes which task is up to the machine, so a task must leave its result in a place of its own;
/// then the outcome is the same bits for any number of workers. Products inside a task run on one thread.
package final class Workers: Sendable {
    package let count: Int
    private let pools: [BufferPool]

    package init(count: Int) {
        precondition(count > 0, "\(count) workers")
        self.count = count
        pools = (0..<count).map { _ in BufferPool() }
        OpenBLASThreads.useOne()
    }

    /// Runs `body(task, pool)` for each task in 0..<tasks; returns when all are done.
    package func run(tasks: Int, _ body: @Sendable (Int, BufferPool) -> Void) {
        if tasks == 0 { return }
        let active = min(count, tasks)
        if active == 1 {
            for task in 0..<tasks { body(task, pools[0]) }
            return
        }
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: active) { worker in
            while true {
                let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if task >= tasks { break }
                body(task, pools[worker])
            }
        }
    }

    /// The results of all tasks, in order.
    package func map<Result: Sendable>(tasks: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
        let results = Mutex([Int: Result]())
        run(tasks: tasks) { task, _ in
            let result = body(task)
            results.withLock { $0[task] = result }
        }
        return results.withLock { found in (0..<tasks).compactMap { found[$0] } }
    }

    /// As `map`, for tasks that may fail: all are run, and the error of the first failed one is thrown.
    package func mapThrowing<Result: Sendable>(
        tasks: Int, _ body: @Sendable (Int) throws -> Result
    ) throws -> [Result] {
        try map(tasks: tasks) { task in Swift.Result { try body(task) } }.map { try $0.get() }
    }

    /// Times that any pool had to ask the system for memory, and the floats it holds.
    package var allocations: Int { pools.reduce(0) { $0 + $1.allocations } }
    package var allocatedElements: Int { pools.reduce(0) { $0 + $1.allocatedElements } }
}
