import RankAllocation
import Testing

@Suite struct ImportanceMeasureTests {
    /// These names are written in configuration files, so they may not change.
    @Test func namesInConfigurationFiles() {
        #expect(
            ImportanceMeasure.allCases.map(\.rawValue) == ["sensitivity", "sensitivity-only", "magnitude"])
    }
}
