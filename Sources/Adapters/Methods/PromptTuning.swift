import Autodiff
import Matrices
import Messages
import ModelFiles
import Settings
import Transformers

/// Prompt tuning (Lester et al. 2021): N rows that stand before the word embeddings of every sequence, of token type 0, and train.
/// They have positions, and what a model gives is without them, but for what a pooler reads, as in PEFT.
package final class PromptTuning: FineTuning {
    package let adapters: AdapterSet
    package let warnings: [String]

    package var groups: [ParameterGroup] { [ParameterGroup(adapters.parameters)] }

    init(_ prompt: Prompt, warnings: [String] = []) {
        adapters = AdapterSet(parts: [prompt])
        self.warnings = warnings
    }

    /// What trains with N virtual tokens before word embeddings of E columns.
    package static func parameters(count: Int, columns: Int) -> Int { columns * count }

    static let rows = VirtualTokenSettings.rows(
        Setting(
            "prompt-init", "Embeddings that a prompt starts with: N(0, 1), of words drawn, or of a text",
            choices: VirtualTokenSettings.PromptStart.allCases.map(\.rawValue),
            unset: "vocabulary, or text with prompt-text",
            set: { $0.promptStart = try $1.orNone { try $0.choice() } }, get: { $0.promptStart?.rawValue }))

    convenience init(_ start: MethodStart) throws {
        let (backbone, count) = (start.backbone, start.settings.virtual.count)
        var prompt = try start.trainedParts(Prompt.self)?.first
        if prompt == nil {
            try start.checkVirtualTokens(count)
            prompt = Prompt(try Self.values(start, count), backbone)
        }
        guard let prompt else { preconditionFailure("a prompt was made") }
        var notes: [String] = []
        if start.readsPooler {
            notes.append(
                "the head reads the first virtual token in place of the first token, as PEFT's classifiers with a prompt do; "
                    + "\(SettingName.pooling) mean and \(SettingName.pooling) first read the row's own tokens"
            )
        }
        if prompt.columns != backbone.sizes.hidden {
            notes.append(
                "PEFT has no prompts for models whose word embeddings are narrower than their layers: this adapter is for adalora "
                    + "alone")
        }
        self.init(prompt, warnings: notes)
        adapters.hangParts(on: backbone)
    }

    /// [N, E]
    private static func values(_ start: MethodStart, _ count: Int) throws -> Matrix {
        let kind = start.isResumed ? .random : start.settings.virtual.usedPromptStart
        var stream = start.stream("prompt")
        let vocabulary = start.backbone.sizes.vocabulary
        let drawn = (0..<count).map { _ in Int32(stream.uniform() * Double(vocabulary)) }
        let words = start.backbone.wordRows(kind == .text ? try start.startingTokens(count) : drawn)
        if kind == .random { stream.fillNormal(words, deviation: 1) }
        return words
    }
}

/// Rows before those of the input.
final class Prompt: ModelPart, RowPrefix {
    static let kind = "prompt"
    var kind: String { Self.kind }
    let layer: Int? = nil
    let heads, layers: Int
    fileprivate let rows: VirtualRows

    init(_ values: Matrix, _ backbone: any Backbone) {
        rows = VirtualRows("prompt", values)
        (heads, layers) = (backbone.keyShape.heads, backbone.sizes.layers)
    }

    var parameters: [Parameter] { [rows.parameter] }
    var summary: String { "\(count) virtual tokens" }
    var hasEffect: Bool { true }
    var count: Int { rows.values.rows }
    var columns: Int { rows.values.columns }

    func hang(on backbone: any Backbone) { backbone.hooks.input = self }

    func rows(columns: Int, on tape: Tape) -> [Variable] {
        precondition(columns == self.columns, "a prompt of \(self.columns) columns before \(columns)")
        return [rows.variable(on: tape)]
    }
}

extension FineTuningMethod {
    /// Its usual rate lies where those of PEFT's and TRL's examples do.
    static let prompt = FineTuningMethod(
        name: "prompt", usualLearningRate: 1e-2, addsToWeights: false, parts: .prompt,
        rows: PromptTuning.rows, knob: { $0.virtual.knob },
        start: { try PromptTuning($0) })
}

extension PartForm {
    /// `prompt_embeddings` (N, E), as PEFT saves and opens it.
    package static let prompt = VirtualTokenFolder.form(
        "PROMPT_TUNING", of: Prompt.self, isOfPEFT: true,
        shape: { .init(count: $0[0].count, width: $0[0].columns, heads: $0[0].heads, layers: $0[0].layers) },
        rows: { $0[0].rows.values.values },
        more: { config, _ in
            // How a prompt started is nothing to those who open it.
            config["prompt_tuning_init"] = .string("RANDOM")
        },
        columns: { _, backbone in backbone.wordRows([0]).columns },
        parts: { [Prompt($0, $1)] })
}
