import Adapters
import Foundation
import ModelFiles
import RunConfiguration
import RunRecords
import Transformers

extension RunRecord.Site {
    package init(_ layer: AdaptedLayer, trained: Trained? = nil) {
        self.init(
            name: "\(layer.site)", tower: layer.site.tower?.rawValue, layer: layer.site.layer,
            role: layer.site.role.rawValue, outputs: layer.outputs, inputs: layer.inputs, trained: trained)
    }

    /// The matrices that a configuration adapts, before anything is trained, in the model's order; empty for a method without
    /// adapters.
    package static func adapted(by config: RunConfig) throws -> [Self] {
        guard config.tuning.method.hasBudget else { return [] }
        let backbone = try PretrainedModel.open(URL(fileURLWithPath: config.model)).openBackbone()
        return try AdapterPlan.layers(
            of: config.tuning.adaptedRoles(of: backbone.architecture), in: backbone.linearLayers
        ).map {
            Self(
                name: "\($0.site)", tower: $0.site.tower?.rawValue, layer: $0.site.layer,
                role: $0.site.role.rawValue, outputs: $0.outputs, inputs: $0.inputs)
        }
    }
}

extension RunRecord.Site.Trained {
    /// Of the ranks what the settings let train, beside them all that a rule has.
    init(_ adapter: LowRankAdapter, _ settings: TuningSettings) {
        func parameters(_ rank: Int) -> Int {
            settings.parameters(
                outputs: adapter.layer.outputs, inputs: adapter.layer.inputs, rank: rank)
        }
        self.init(perRank: parameters(2) - parameters(1), beside: adapter.parameterCount(rank: 0))
    }
}

extension RunRecord.Part {
    /// What a run trains beside triplets, layer by layer: parts of its method, vectors on matrices that have no rank, and
    /// weights of the model.
    static func all(_ set: AdapterSet, _ changed: ChangedParts) -> [Self] {
        var parts = set.parts.map { Self($0) }
        if !set.hasRanks {
            for tower in [nil] + LinearSite.Tower.allCases {
                let layers = Dictionary(grouping: set.adapters.filter { $0.site.tower == tower }) {
                    $0.site.layer
                }
                parts += layers.sorted { $0.key < $1.key }.map { layer, adapters in
                    Self(
                        kind: "\(tower.map { "\($0.rawValue) " } ?? "")\(set.kind) layer",
                        summary: adapters.map(\.site.role.rawValue).joined(separator: ", "),
                        layer: layer, parameters: adapters.reduce(0) { $0 + $1.parameterCount(rank: 0) })
                }
            }
        }
        if !changed.isEmpty {
            parts.append(
                Self(
                    kind: changed.noun, summary: changed.summary, layer: nil,
                    parameters: changed.parameterCount))
        }
        return parts
    }

    init(_ part: any ModelPart) {
        self.init(
            kind: part.kind, summary: part.summary, layer: part.layer, parameters: part.parameterCount)
    }
}

extension TripletHistory.Snapshot {
    package init(_ sites: [SiteSnapshot], step: Int) {
        self.init(
            step: step,
            sites: sites.map { site in
                .init(
                    kept: site.kept, spectrum: Spectrum(site.spectrum.values.map(Double.init)),
                    importance: site.importance.map(Double.init),
                    orthogonalityError: site.spectrum.orthogonalityError, keptEnergy: site.energyKept)
            })
    }
}
