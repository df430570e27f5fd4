import Matrices
import Synchronization
import Testing

@Suite struct WorkersTests {
    @Test(arguments: [1, 2, 5], [0, 1, 3, 200]) func eachTaskRunsExactlyOnce(workers: Int, tasks: Int) {
        let counts = Mutex([Int](repeating: 0, count: tasks))
        Workers(count: workers).run(tasks: tasks) { task, _ in counts.withLock { $0[task] += 1 } }
        #expect(counts.withLock { $0 } == [Int](repeating: 1, count: tasks))
    }

    @Test func noPoolServesTwoTasksAtOnce() {
        let busy = Mutex(Set<ObjectIdentifier>())
        let clashes = Atomic(0)
        Workers(count: 5).run(tasks: 300) { task, pool in
            let fresh = busy.withLock { $0.insert(ObjectIdentifier(pool)).inserted }
            if !fresh { clashes.add(1, ordering: .relaxed) }
            pool.matrix(rows: 1 + task, columns: 50).fill(1)
            _ = busy.withLock { $0.remove(ObjectIdentifier(pool)) }
        }
        #expect(clashes.load(ordering: .relaxed) == 0)
    }

    private func products(workers: Workers) -> [UInt32] {
        let results = Matrix(rows: 12, columns: 30 * 20)
        workers.run(tasks: 12) { task, pool in
            var stream = RandomStream(seed: 1, purpose: "worker test", indices: [task])
            let a = pool.matrix(rows: 30, columns: 65)
            let b = pool.matrix(rows: 65, columns: 20)
            stream.fillNormal(a, deviation: 1)
            stream.fillNormal(b, deviation: 1)
            Product.multiply(a, b, into: results.view(offset: task * 600, rows: 30, columns: 20))
        }
        return results.values.map(\.bitPattern)
    }

    @Test func anyNumberOfWorkersGivesTheSameBits() {
        let expected = products(workers: Workers(count: 1))
        for count in [2, 5, 5] { #expect(products(workers: Workers(count: count)) == expected) }
    }

    @Test func poolsAreReusedBetweenRounds() {
        let workers = Workers(count: 1)
        let first = products(workers: workers)
        let (allocations, elements) = (workers.allocations, workers.allocatedElements)
        #expect(allocations == 2 && elements >= 30 * 65 + 65 * 20)
        #expect(products(workers: workers) == first)
        #expect(workers.allocations == allocations && workers.allocatedElements == elements)
    }
}
