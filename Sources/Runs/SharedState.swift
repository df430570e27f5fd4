import Adapters
import Foundation
import Training

/// The first process's state, which all take over after each step where products round differently among them: triplets of an exact
/// factorization may else differ in more than rounding, and gradients of one process would mean other parameters than those of another.
enum SharedState {
    /// Values of a state and what tells their places, as bytes.
    private struct Form: Codable {
        struct Book: Codable {
            let initialRank: Int
            let originalIndices: [Int]
            let births: [Int]
            let issued: Int
        }

        let values: Data
        let firstMoments: Data
        let secondMoments: Data
        let names: [String]
        let tensors: [Data]
        let books: [Book]
        let masks: [[Bool]]
        let isCompacted: Bool
    }

    /// - Throws: `ExchangeError`, also where the first process's state is none of this model.
    static func take(_ trainer: Trainer, _ exchange: any GradientExchange) throws {
        let own = exchange.leads ? try PropertyListEncoder.binary.encode(form(trainer.state)) : Data()
        let said = try exchange.gather(own)[0]
        if exchange.leads { return }
        guard let state = (try? PropertyListDecoder().decode(Form.self, from: said)).flatMap(state) else {
            throw ExchangeError(
                .differs,
                "process 0 says of its state what cannot be read here; run the same program everywhere")
        }
        try trainer.restore(state)
    }

    private static func form(_ state: TrainerState) -> Form {
        Form(
            values: data(state.values), firstMoments: data(state.firstMoments),
            secondMoments: data(state.secondMoments),
            names: state.method.tensors.map(\.name), tensors: state.method.tensors.map { data($0.values) },
            books: state.method.books.map {
                Form.Book(
                    initialRank: $0.initialRank, originalIndices: $0.originalIndices, births: $0.births,
                    issued: $0.issued)
            },
            masks: state.method.masks, isCompacted: state.method.isCompacted)
    }

    /// nil for one that contradicts itself.
    private static func state(_ form: Form) -> TrainerState? {
        let books = form.books.compactMap {
            TripletBook(
                initialRank: $0.initialRank, originalIndices: $0.originalIndices, births: $0.births,
                issued: $0.issued)
        }
        guard books.count == form.books.count, form.names.count == form.tensors.count else { return nil }
        return TrainerState(
            method: MethodState(
                books: books, masks: form.masks, isCompacted: form.isCompacted,
                tensors: zip(form.names, form.tensors).map { ($0, floats($1)) }),
            values: floats(form.values), firstMoments: floats(form.firstMoments),
            secondMoments: floats(form.secondMoments))
    }

    private static func data(_ floats: SavedFloats) -> Data {
        var data = Data(capacity: 4 * floats.count)
        floats.forEachPiece { data.append(Data(buffer: $0)) }
        return data
    }

    private static func floats(_ data: Data) -> SavedFloats {
        SavedFloats([
            data.withUnsafeBytes { bytes in
                (0..<data.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
        ])
    }
}

extension PropertyListEncoder {
    fileprivate static var binary: PropertyListEncoder {
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        return encoder
    }
}
