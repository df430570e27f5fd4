extension Architecture {
    /// DeiT (Touvron et al. 2021): a row of distillation stands behind that of the class. Its classifier is that of the class's row;
    /// the two of `DeiTForImageClassificationWithTeacher`, whose answers are averaged, are left aside.
    package static let deit = Architecture(
        patches: .deit, spelling: .vit, modelTypes: [ModelType(name: "deit", className: "DeiT")],
        prefix: "deit.", heads: Heads(classifier: .firstRow))
}
