/// A sentence of given words as token ids.
package struct WordEncoding: Sendable, Equatable {
    package let encoding: Encoding
    /// Where the first token of each word stands; nil for a word that did not fit or has no token at all (a lone control
    /// character).
    package let firstTokens: [Int?]
}

/// A window on a long second text, with all of the first one.
package struct WindowEncoding: Sendable, Equatable {
    package let encoding: Encoding
    /// The tokens of the second text among those of the window.
    package let second: Range<Int>
}

extension Tokenizer {
    /// Each word tokenized by itself, then cut as a text is to `maxLength` tokens, special ones included: what
    /// `is_split_into_words=True` gives in Hugging Face's tokenizers, with `add_prefix_space` for byte-level ones.
    package func encode(words: [String], maxLength: Int) -> WordEncoding {
        let special = specialTokenCount(isPair: false)
        precondition(maxLength >= special, "\(maxLength) tokens cannot hold \(special) special tokens")
        let pipeline = pipeline.ofSingleWords
        let start = specialTokens(beforeSecond: false)
        var all = TokenList()
        var firsts: [Int?] = []
        for word in words {
            let tokens = tokens(of: word, by: pipeline)
            let isThere = tokens.count > 0 && (cutsStart || all.count < maxLength - special)
            firsts.append(isThere ? start + all.count : nil)
            all.ids += tokens.ids
            all.offsets += tokens.offsets
        }
        let lost = max(0, all.count - (maxLength - special))
        all.cut(to: all.count - lost, atStart: cutsStart)
        if cutsStart && lost > 0 {
            firsts = firsts.map { $0.flatMap { $0 - lost < start ? nil : $0 - lost } }
        }
        return WordEncoding(encoding: encoding(all, nil, truncatedTokens: lost), firstTokens: firsts)
    }

    /// A question and a context as windows of at most `maxLength` tokens: each has the whole question and a stretch of
    /// the context that shares `stride` tokens with the stretch before (Hugging Face's `truncation="only_second"` with
    /// `return_overflowing_tokens`). Offsets are UTF-8 bytes of question and context.
    ///
    /// - Parameter longestQuestion: more tokens are cut where the question would leave no more than `stride` to the
    ///   context.
    package func windows(
        question: String, context: String, maxLength: Int, stride: Int, longestQuestion: Int
    ) -> (windows: [WindowEncoding], cutFromQuestion: Int) {
        let special = specialTokenCount(isPair: true)
        precondition(
            longestQuestion >= 0 && maxLength - special - longestQuestion > stride,
            "\(maxLength) tokens leave no room for \(longestQuestion) of a question and a stride of \(stride)"
        )
        var first = tokens(of: question, by: pipeline)
        let second = tokens(of: context, by: pipeline)
        var lost = 0
        if maxLength - special - first.count <= stride {
            lost = first.count - longestQuestion
            first.cut(to: longestQuestion)
        }
        let room = maxLength - special - first.count
        let behind = special - specialTokens(beforeSecond: true)
        let start = encoding(first, TokenList(), truncatedTokens: 0).ids.count - behind
        let windows = windowRanges(second.count, room: room, stride: stride).map { range in
            var part = TokenList()
            part.ids = Array(second.ids[range])
            part.offsets = Array(second.offsets[range])
            return WindowEncoding(
                encoding: encoding(first, part, truncatedTokens: 0), second: start..<(start + range.count))
        }
        return (windows, lost)
    }

    /// Stretches of `count` tokens that share `stride` with the one before: from the start on, or from the end on.
    private func windowRanges(_ count: Int, room: Int, stride: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var begin = 0
        while true {
            let end = min(begin + room, count)
            ranges.append(cutsStart ? (count - end)..<(count - begin) : begin..<end)
            if end == count { return ranges }
            begin += room - stride
        }
    }
}
