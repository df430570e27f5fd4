import Foundation
import Messages
import ModelFiles

extension GGUFForm {
    /// What the file says of a model that is a Hugging Face folder: the keys of its architecture, as llama.cpp's converter
    /// writes them.
    ///
    /// - Throws: `ModelFileError` for what these keys cannot say.
    package func keys(of backbone: any Backbone, _ config: HFConfig) throws -> [(
        key: String, value: GGUFValue
    )] {
        var keys = GGUFKeyList(architecture: name)
        if let decoder = backbone as? RMSNormDecoder {
            add(decoder.traits, to: &keys)
            if let scheme = decoder.traits.rotary.first { try add(scheme, to: &keys, config) }
        } else if let decoder = backbone as? LayerNormDecoder {
            add(decoder.configuration, to: &keys)
            if let scheme = decoder.configuration.rotary { try add(scheme, to: &keys, config) }
        } else if let encoder = backbone as? PostNormEncoder {
            add(encoder.configuration, to: &keys)
        }
        try state(backbone, &keys)
        return keys.all
    }

    private func add(_ traits: DecoderTraits, to keys: inout GGUFKeyList) {
        keys.add("block_count", traits.layers.count)
        keys.add("context_length", traits.positions)
        keys.add("embedding_length", traits.hiddenSize)
        keys.add("feed_forward_length", traits.intermediateSize)
        keys.add("attention.head_count", traits.heads)
        keys.add("attention.head_count_kv", traits.keyValueHeads)
        keys.add("attention.key_length", traits.headWidth)
        keys.add("attention.value_length", traits.headWidth)
        keys.add("attention.layer_norm_rms_epsilon", traits.normEpsilon)
        keys.add("vocab_size", traits.vocabularySize)
    }

    private func add(_ configuration: LayerNormConfiguration, to keys: inout GGUFKeyList) {
        keys.add("block_count", configuration.layers)
        keys.add("context_length", configuration.positions)
        keys.add("embedding_length", configuration.hiddenSize)
        keys.add("feed_forward_length", configuration.intermediateSize)
        keys.add("attention.head_count", configuration.heads)
        keys.add("attention.layer_norm_epsilon", configuration.normEpsilon)
        keys.add("vocab_size", configuration.vocabularySize)
    }

    private func add(_ scheme: RotaryScheme, to keys: inout GGUFKeyList, _ config: HFConfig) throws {
        let said = scheme.statement
        keys.add("rope.dimension_count", said.columns)
        keys.add("rope.freq_base", said.base)
        func refusal(_ problem: String) -> ModelFileError {
            ModelFileError(
                file: config.path, place: "rope_parameters", problem: problem,
                advice: "run it where transformers runs it: llama.cpp would turn positions otherwise")
        }
        switch said.kind {
        case "linear":
            keys.add("rope.scaling.type", .string("linear"))
            keys.add("rope.scaling.factor", said.factor)
        case "yarn":
            guard said.truncates, readsRamp || (said.fast == nil && said.slow == nil) else {
                throw refusal(
                    readsRamp
                        ? "\(quoted(name)) of llama.cpp knows no truncate"
                        : "\(quoted(name)) of llama.cpp knows no beta_fast, beta_slow and truncate")
            }
            if readsRamp {
                keys.add("rope.scaling.yarn_beta_fast", said.fast ?? 32)
                keys.add("rope.scaling.yarn_beta_slow", said.slow ?? 1)
            }
            keys.add("rope.scaling.type", .string("yarn"))
            keys.add("rope.scaling.factor", said.factor)
            keys.add("rope.scaling.original_context_length", Int(said.original))
            // llama.cpp multiplies by it what YaRN usually has.
            let usual = Float(0.1 * log(said.factor) + 1)
            if readsRamp, scheme.factor == 1 {
                // What YaRN usually has, divided by itself.
                keys.add("rope.scaling.yarn_log_multiplier", Float(1))
            } else if scheme.factor != usual {
                keys.add("rope.scaling.attn_factor", scheme.factor / usual)
            }
        case "longrope":
            guard rotaryTensors == .longAndShort else {
                throw refusal("\(quoted(name)) has no factors of long rows")
            }
            keys.add("rope.scaling.type", .string("longrope"))
            keys.add("rope.scaling.original_context_length", Int(said.original))
            keys.add("rope.scaling.attn_factor", scheme.factor)
        case "llama3":
            guard rotaryTensors == .divisors else {
                throw refusal("\(quoted(name)) of llama.cpp has no place for positions of kind 'llama3'")
            }
        // Within the positions of the model 'dynamic' is none.
        default: break
        }
    }

    /// Tensors that say how pairs turn: divisors of each, where the kind of positions has some.
    func rotaryTensors(of backbone: any Backbone) -> [GGUFModelTensor] {
        guard let scheme = (backbone as? RMSNormDecoder)?.traits.rotary.first else { return [] }
        func tensor(_ name: String, _ divisors: [Float]) -> GGUFModelTensor {
            GGUFModelTensor(
                name: name, shape: [divisors.count], format: nil,
                content: .values { body in try divisors.withUnsafeBufferPointer(body) })
        }
        switch scheme.statement.kind {
        case "llama3": return [tensor("rope_freqs.weight", scheme.divisors(form: 0))]
        case "longrope":
            return [
                tensor("rope_factors_long.weight", scheme.divisors(form: 1)),
                tensor("rope_factors_short.weight", scheme.divisors(form: 0)),
            ]
        default: return []
        }
    }
}
