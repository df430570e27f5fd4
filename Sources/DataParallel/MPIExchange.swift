#if MPI
    import CMPI
    import Foundation
    import Glibc
    import Matrices
    import Synchronization
    import Training

    /// The processes of `mpirun`, over MPI's collective calls. Calls begin at once and are asked whether they are done, so that a process
    /// that nobody answers ends with its state saved instead of waiting for ever.
    ///
    /// Used by the thread that MPI was begun on.
    package final class MPIExchange: GradientExchange {
        package let rank: Int
        package let processes: Int
        private let patience: Double
        private let isEnding: @Sendable () -> Bool
        /// The longest that others took to answer of late, in seconds: what was longer before counts for less with each answer
        private let longest = Mutex(0.0)

        private static let begun = Mutex(false)
        /// Asked so often without a pause, then with pauses: an answer that is near is not slept over.
        private static let eagerLooks = 20_000
        private static let pause: UInt32 = 50

        init(patience: Double, isEnding: @escaping @Sendable () -> Bool) throws {
            guard cmpi_begin() == MPI_SUCCESS else {
                throw ExchangeError(.lost, "MPI does not begin; see what mpirun says")
            }
            Self.begun.withLock { $0 = true }
            rank = Int(cmpi_rank())
            processes = Int(cmpi_processes())
            (self.patience, self.isEnding) = (patience, isEnding)
        }

        package func gather(_ own: Data) throws -> [Data] {
            var sizes = [Int64](repeating: 0, count: processes)
            var size = Int64(own.count)
            try sizes.withUnsafeMutableBufferPointer { all in
                try withUnsafePointer(to: &size) { size in
                    try wait { cmpi_gather_number(size, all.baseAddress, &$0) }
                }
            }
            let (counts, places) = try Self.layout(sizes.map { Int($0) })
            var all = Data(count: sizes.reduce(0) { $0 + Int($1) })
            try all.withUnsafeMutableBytes { all in
                try own.withUnsafeBytes { own in
                    try wait {
                        cmpi_gather_bytes(
                            own.baseAddress, Int32(own.count), all.baseAddress, counts, places, &$0)
                    }
                }
            }
            return (0..<processes).map {
                all.subdata(in: Int(places[$0])..<Int(places[$0]) + Int(counts[$0]))
            }
        }

        package func trade(_ sent: Matrix, counts: [Int], into received: Matrix, counts receivedCounts: [Int])
            throws
        {
            let (counts, places) = try Self.layout(counts)
            let (receivedCounts, receivedPlaces) = try Self.layout(receivedCounts)
            try wait {
                cmpi_trade(
                    sent.pointer, counts, places, received.pointer, receivedCounts, receivedPlaces, &$0)
            }
        }

        package func share(_ values: Matrix, counts: [Int]) throws {
            let (counts, places) = try Self.layout(counts)
            try wait { cmpi_share(values.pointer, counts, places, &$0) }
        }

        /// MPI counts in 32 bits.
        private static func layout(_ sizes: [Int]) throws -> (counts: [Int32], places: [Int32]) {
            guard sizes.reduce(0, +) <= Int(Int32.max) else {
                throw ExchangeError(
                    .differs,
                    "\(sizes.reduce(0, +)) numbers to exchange are more than MPI counts; train fewer parameters"
                )
            }
            var place: Int32 = 0
            let places = sizes.map { size in
                defer { place += Int32(size) }
                return place
            }
            return (sizes.map { Int32($0) }, places)
        }

        /// Memory that `begin` gives to MPI must stay where it is until this returns, also by throwing: a call that is given up
        /// is followed by the end of the process.
        private func wait(_ begin: (inout CMPIRequest?) -> Int32) throws {
            var request: CMPIRequest?
            try check(begin(&request))
            let started = ContinuousClock.now
            var (done, looks): (Int32, Int) = (0, 0)
            while true {
                try check(cmpi_test(&request, &done))
                if done != 0 { break }
                looks += 1
                if looks < Self.eagerLooks {
                    if looks % 64 == 0 { sched_yield() }
                    continue
                }
                usleep(Self.pause)
                if looks % 200 == 0 { try checkPatience(since: started) }
            }
            let seconds = Self.seconds(since: started)
            longest.withLock { $0 = max(0.9 * $0, seconds) }
        }

        /// One that is told to end waits for the others' step, not for others that are gone.
        private func checkPatience(since started: ContinuousClock.Instant) throws {
            let seconds = Self.seconds(since: started)
            let limit = isEnding() ? min(patience, max(5, 3 * longest.withLock { $0 })) : patience
            if seconds > limit {
                throw ExchangeError(
                    .lost,
                    "process \(rank): no answer from the others for \(Int(seconds)) s; one is gone, or its network"
                )
            }
        }

        private static func seconds(since started: ContinuousClock.Instant) -> Double {
            let time = (ContinuousClock.now - started).components
            return Double(time.seconds) + Double(time.attoseconds) * 1e-18
        }

        private func check(_ status: Int32) throws {
            if status != MPI_SUCCESS {
                throw ExchangeError(.lost, "process \(rank): MPI lost the others (error \(status))")
            }
        }

        static func leave() {
            if begun.withLock({ $0 }) { _ = cmpi_end() }
        }

        static func abort(_ status: Int32) {
            if begun.withLock({ $0 }) { _ = cmpi_abort(status) }
        }
    }
#endif
