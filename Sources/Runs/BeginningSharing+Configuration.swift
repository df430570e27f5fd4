import RunConfiguration
import Training

extension BeginningSharing {
    /// As a run's settings have it: dropout of adapters leaves evaluations, which have none.
    init(_ config: RunConfig) {
        let isOn = config.resolvedSharedPrefix == .auto
        let dropout = config.tuning.method.reads("adapter-dropout") ? config.tuning.adapterDropout : 0
        self.init(trains: isOn && dropout == 0, evaluates: isOn)
    }
}
