import Autodiff
import Foundation
import Matrices
import Messages
import Tokenizers
import Transformers

/// Continues texts token by token.
package struct TextGenerator: Sendable {
    /// Why a text ends.
    package enum Ending: Sendable, Equatable {
        /// By a token that ends a turn or a text
        case stop
        /// As many tokens as were allowed
        case limit
        /// The model has no more positions.
        case positions
        /// Somebody said so.
        case interrupted
    }

    package struct Result: Sendable {
        package let ids: [Int32]
        package let text: String
        package let ending: Ending
        /// Until the first token
        package let promptSeconds: Double
        /// From then on
        package let seconds: Double
    }

    private let backbone: any Backbone
    private let head: SequenceHead
    private let tokenizer: Tokenizer
    /// Tokens that end a text; they are not part of it.
    package let stops: Set<Int32>

    /// Throws `HeadError` where the model gives no next words.
    package init(backbone: any Backbone, head: SequenceHead, tokenizer: Tokenizer, stops: Set<Int32>) throws {
        guard head.form == .vocabulary, backbone.startCache() != nil else {
            throw HeadError.notSpeaking(backbone.architecture.name)
        }
        (self.backbone, self.head, self.tokenizer, self.stops) = (backbone, head, tokenizer, stops)
    }

    /// - Parameters:
    ///   - prompt: at least one token.
    ///   - limit: of new tokens.
    ///   - onText: called with each piece of text once it is certain; false ends the text.
    package func continued(
        _ prompt: [Int32], limit: Int, _ sampling: Sampling, onText: (String) -> Bool = { _ in true }
    ) -> Result {
        precondition(!prompt.isEmpty, "nothing to go on from")
        let pool = BufferPool()
        let started = ContinuousClock.now
        guard let cache = backbone.startCache() else { preconditionFailure("a model without a cache") }
        var decoder = tokenizer.decoder(skippingSpecial: true)
        var (ids, text): ([Int32], String) = ([], "")
        var ending = Ending.limit
        var next = prompt
        var first: ContinuousClock.Instant?
        func say(_ piece: String) -> Bool {
            text += piece
            return piece.isEmpty || onText(piece)
        }
        while ids.count < limit {
            guard prompt.count + ids.count <= backbone.longestSequence else {
                ending = .positions
                break
            }
            let id = token(after: next, cache, pool, sampling, place: prompt.count + ids.count)
            if first == nil { first = ContinuousClock.now }
            if stops.contains(id) {
                ending = .stop
                break
            }
            ids.append(id)
            next = [id]
            if !say(decoder.push(id)) {
                ending = .interrupted
                break
            }
        }
        _ = say(decoder.finish())
        let ended = ContinuousClock.now
        return Result(
            ids: ids, text: text, ending: ending, promptSeconds: ((first ?? ended) - started).inSeconds,
            seconds: (ended - (first ?? ended)).inSeconds)
    }

    private func token(
        after ids: [Int32], _ cache: KeyValueCache, _ pool: BufferPool, _ sampling: Sampling, place: Int
    ) -> Int32 {
        let tape = Tape(evaluatingWith: pool)
        let hidden = backbone.hiddenStates(ids, after: cache, on: tape)
        let logits = head.logits(tape.rows(hidden, [hidden.rows - 1]), offsets: [0, 1], on: tape).value
        return Int32(
            sampling.choose(UnsafeBufferPointer(start: logits.row(0), count: logits.columns), place: place))
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
