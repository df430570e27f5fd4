import Messages

/// The table of rules: an entry a rule, with when it applies, what it says, and where it comes from. Later entries refine
/// earlier ones: the last usual rank counts, and all limits.
package enum AdviceRules {
    package static let all: [AdviceRule] = [
        AdviceRule(
            "row-count", when: "always; what other trainers answer by the number of rows alone",
            source: "axolotl, pull request 3691"
        ) { facts in
            let rank = facts.rows < 1_000 ? 8 : facts.rows < 10_000 ? 16 : facts.rows < 100_000 ? 32 : 64
            return (
                .others(Double(rank)),
                "By the number of rows alone other trainers take rank \(rank); nothing here follows it."
            )
        },
        AdviceRule(
            "encoder-classes", when: "an encoder that tells classes or scores of whole rows",
            source:
                "AdaLoRA's and LoRA's runs on GLUE at rank 8; ours on WordNet and reviews, where rank 1 to 8 hold all that "
                + "there is to gain (Benchmarks/results)"
        ) { facts in
            switch facts.question {
            case .classes, .scores: break
            case .wordClasses, .places, .words: return nil
            }
            guard facts.model == .encoder else { return nil }
            return (.usual(rank: 4, 1...8), "Encoders that tell classes or scores of rows need rank 1 to 8.")
        },
        AdviceRule(
            "encoder-words", when: "an encoder that reads every word: tags, answers in a text",
            source: "AdaLoRA's runs on SQuAD at ranks 1 to 8 (Zhang et al. 2023, table 2)"
        ) { facts in
            switch facts.question {
            case .wordClasses, .places: break
            case .classes, .scores, .words: return nil
            }
            guard facts.model == .encoder else { return nil }
            return (.usual(rank: 6, 2...16), "Encoders that answer for every word need rank 2 to 16.")
        },
        AdviceRule(
            "decoder-classes", when: "a decoder that answers with a class or a score",
            source:
                "LoRA learns less and forgets less (Biderman et al. 2024): high ranks are for new knowledge, not for telling "
                + "classes"
        ) { facts in
            guard facts.model == .decoder, !facts.isLanguageModel else { return nil }
            return (.usual(rank: 8, 2...16), "Decoders that tell classes or scores need rank 2 to 16.")
        },
        AdviceRule(
            "language-model", when: "a language model that learns to answer or to write",
            source:
                "Schulman et al. 2025 (LoRA without regret) and its copy in TRL's documentation; distil labs, rank 64 for "
                + "10,000 rows"
        ) { facts in
            guard facts.isLanguageModel else { return nil }
            return (.usual(rank: 16, 8...64), "Language models usually get rank 8 to 64.")
        },
        AdviceRule(
            "small-data", when: "fewer than 1,000 rows",
            source:
                "Aghajanyan et al. 2020: 200 numbers reach 90 % of full tuning on MRPC; what rows cannot pin down, rank learns "
                + "by heart"
        ) { facts in
            guard facts.rows < 1_000 else { return nil }
            let most = facts.isLanguageModel ? 8.0 : 4.0
            return (
                .atMost(most),
                "\(Figures.grouped(facts.rows)) rows are few: the lowest rank that works, at most \(Int(most))."
            )
        },
        AdviceRule(
            "small-data-dropout", when: "fewer than 1,000 rows",
            source: "Hu et al. 2022 (LoRA) train with dropout 0.1 on small tasks"
        ) { facts in
            guard facts.rows < 1_000 else { return nil }
            return (.dropout(0.1), "With so few rows dropout 0.1 on the adapters' input.")
        },
        AdviceRule(
            "capacity", when: "labels are classes",
            source:
                "Schulman et al. 2025: a parameter holds about 2 bits, so that capacity lasts while 2 × parameters ≥ bits to learn"
        ) { facts in
            guard let bits = facts.labelBits, facts.parametersPerRank > 0 else { return nil }
            let rank = bits / (2 * Double(facts.parametersPerRank))
            let shown = Figures.fixed(rank, rank < 1 ? 2 : 1)
            return (
                .atLeast(rank),
                "All labels together are \(LabelEntropy.shown(bits)), which rank \(shown) could learn by heart: "
                    + (rank <= 1 ? "rank is not the limit." : "less is too little.")
            )
        },
        AdviceRule(
            "much-text", when: "a language model with 10 million trained tokens or more",
            source: "Biderman et al. 2024: full tuning on 20 G tokens changes 10 to 100 times the usual rank"
        ) { facts in
            guard case .words(let learned) = facts.question, learned >= 10_000_000 else { return nil }
            return (
                .atLeast(32),
                "\(Figures.grouped(learned / 1_000_000)) million trained tokens are new knowledge: rank 32 or more."
            )
        },
        AdviceRule(
            "quantised-base", when: "the base is kept in few bits",
            source: "Dettmers et al. 2023 (QLoRA): adapters on every layer matter, their rank hardly"
        ) { facts in
            guard let format = facts.format else { return nil }
            return (
                .note,
                "The base is kept as \(format): the memory that this saves would pay for a higher rank, which it seldom needs."
            )
        },
        AdviceRule(
            "all-matrices", when: "always",
            source:
                "Schulman et al. 2025: adapters on all layers, those of the feed-forward network above all"
        ) { _ in (.note, "Adapters on every kind of matrix rather than a higher rank on some.") },
    ]
}
