import Adapters
import RunRecords

extension RunRecord.Site {
    package init(_ layer: AdaptedLayer) {
        self.init(
            name: "\(layer.site)", layer: layer.site.layer, role: layer.site.role.rawValue,
            outputs: layer.outputs, inputs: layer.inputs)
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
