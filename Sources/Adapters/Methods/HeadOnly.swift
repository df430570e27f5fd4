/// The head alone trains, on the backbone as it is.
final class HeadOnly: FineTuning {
    let adapters = AdapterSet.none
    let groups: [ParameterGroup] = []
}

extension FineTuningMethod {
    static let head = FineTuningMethod(name: "head") { _ in HeadOnly() }
}
