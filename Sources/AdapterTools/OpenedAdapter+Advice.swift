import Messages

extension OpenedAdapter {
    /// Where it can go when some form has no place for it.
    var otherWay: String {
        let isSum = !adapters.adapters.isEmpty && (try? adapters.requireSums(for: "")) != nil
        return isSum && !description.isWholeModel
            ? "export it for PEFT (adalora export \(SettingName.to) lora)" : "use its folder as it is"
    }
}
