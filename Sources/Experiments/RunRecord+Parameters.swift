import Adapters
import RunRecords

extension RunRecord {
    /// Parameters of the adapters where each site has its rank of `ranks`, and of its parts; without sites for a method that is not known.
    func adapterParameters(_ ranks: [Int]) -> Int {
        let usual = FineTuningMethod.named(start.method).map { TuningSettings(method: $0) }
        return zip(start.sites, ranks).reduce(start.partParameters) { sum, entry in
            let (site, rank) = entry
            return sum
                + (site.parameters(rank: rank)
                    ?? usual?.parameters(outputs: site.outputs, inputs: site.inputs, rank: rank) ?? 0)
        }
    }
}
