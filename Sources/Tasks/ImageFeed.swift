import Dispatch
import Images
import Synchronization

/// The pixels of a data set's rows, which are made from their files when a step reads them or, where it is told which rows come
/// next, in the background until then. No more is held than those rows.
///
/// What is made of a row depends on the row and the epoch alone, so it does not matter who makes it and when.
package final class ImageFeed: Sendable {
    /// Of one row, in an epoch of training; nil as an evaluation reads it
    private struct Address: Hashable {
        let row: Int
        let epoch: Int?
    }

    private struct State {
        /// Rows that are to be made, in their order
        var wanted: [Address] = []
        var ready: [Address: PixelImage] = [:]
        var isWorking = false
        var failure: (any Error)?
    }

    /// Whether epochs read rows otherwise than evaluations, and than each other.
    package let isAugmented: Bool
    /// Bytes of the largest row
    package let rowBytes: Int
    private let make: @Sendable (_ row: Int, _ epoch: Int?) throws -> PixelImage
    /// Of every image
    private let shape: (channels: Int, height: Int, width: Int)
    private let state = Mutex(State())

    /// - Parameters:
    ///   - channels, size: of every image.
    ///   - make: the pixels of a row, on any thread.
    package init(
        channels: Int, size: (height: Int, width: Int), isAugmented: Bool,
        make: @escaping @Sendable (_ row: Int, _ epoch: Int?) throws -> PixelImage
    ) {
        self.isAugmented = isAugmented
        self.make = make
        shape = (channels, size.height, size.width)
        rowBytes = channels * size.height * size.width * MemoryLayout<Float>.size
    }

    /// Whoever forgot to ask for the failure gets no number that means something.
    private var fallback: PixelImage {
        PixelImage(
            channels: shape.channels, height: shape.height, width: shape.width,
            values: [Float](repeating: .nan, count: rowBytes / MemoryLayout<Float>.size))
    }

    /// Rows that were made and not read yet
    package var held: Int { state.withLock { $0.ready.count } }

    /// Throws what kept a row from being made since the feed was made: images that were given after it hold no numbers.
    package func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// - Parameter epoch: nil as an evaluation reads rows.
    package func images(_ rows: [Int], epoch: Int?) -> [PixelImage] {
        rows.map { image(Address(row: $0, epoch: isAugmented ? epoch : nil)) }
    }

    private func image(_ address: Address) -> PixelImage {
        let ready = state.withLock { state in
            state.wanted.removeAll { $0 == address }
            return state.ready.removeValue(forKey: address)
        }
        return ready ?? made(address)
    }

    private func made(_ address: Address) -> PixelImage {
        do {
            let image = try make(address.row, address.epoch)
            guard (image.channels, image.height, image.width) == shape else {
                throw TaskError(
                    "row \(address.row + 1): the image became [\(image.channels), \(image.height), \(image.width)] pixels, "
                        + "all others [\(shape.channels), \(shape.height), \(shape.width)]")
            }
            return image
        } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
            return fallback
        }
    }

    /// Begins to make these rows in the background, in place of those that were asked for before and not read.
    package func prepare(_ rows: [Int], epoch: Int?) {
        let addresses = rows.map { Address(row: $0, epoch: isAugmented ? epoch : nil) }
        let begins = state.withLock { state in
            state.ready = state.ready.filter { addresses.contains($0.key) }
            state.wanted = addresses.filter { state.ready[$0] == nil }
            let begins = !state.isWorking && !state.wanted.isEmpty
            state.isWorking = state.isWorking || begins
            return begins
        }
        guard begins else { return }
        DispatchQueue.global(qos: .utility).async { [weak self] in self?.work() }
    }

    private func work() {
        while let next = next() {
            let image = made(next)
            state.withLock { state in
                // One that was read meanwhile, or is not wanted any more, would only take memory.
                guard let place = state.wanted.firstIndex(of: next) else { return }
                state.wanted.remove(at: place)
                state.ready[next] = image
            }
        }
    }

    private func next() -> Address? {
        state.withLock { state in
            guard !state.wanted.isEmpty else {
                state.isWorking = false
                return nil
            }
            return state.wanted.first
        }
    }
}
