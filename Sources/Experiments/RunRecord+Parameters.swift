import Adapters
import RunRecords

extension RunRecord {
    /// Parameters of the adapters where each site has its rank of `ranks`, and of its parts; without sites for a method that is not known.
    func adapterParameters(_ ranks: [Int]) -> Int {
        let method = FineTuningMethod.named(start.method)
        return zip(start.sites, ranks).reduce(start.partParameters) {
            $0 + (method?.parameters(outputs: $1.0.outputs, inputs: $1.0.inputs, rank: $1.1) ?? 0)
        }
    }
}
