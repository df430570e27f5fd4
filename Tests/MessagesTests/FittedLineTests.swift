import Messages
import Testing

@Suite struct FittedLineTests {
    private static let fields: [FittedLine.Field] = [
        .init("step 7/90", worth: 6), .init("loss 0.5000", worth: 5), .init("orth 0.1", worth: 0),
        .init("budgeting", worth: 2), .init("9 tokens/s", worth: 2), .init("ETA 0:10", worth: 4),
    ]

    @Test(
        arguments: [
            (nil, "step 7/90  loss 0.5000  orth 0.1  budgeting  9 tokens/s  ETA 0:10"),
            (65, "step 7/90  loss 0.5000  orth 0.1  budgeting  9 tokens/s  ETA 0:10"),
            (64, "step 7/90  loss 0.5000  budgeting  9 tokens/s  ETA 0:10"),
            (53, "step 7/90  loss 0.5000  budgeting  ETA 0:10"),
            (40, "step 7/90  loss 0.5000  ETA 0:10"),
            (31, "step 7/90  loss 0.5000"), (21, "step 7/90"), (5, "step…"), (0, ""),
        ] as [(Int?, String)]) func theLeastWorthGoesFirst(width: Int?, line: String)
    {
        #expect(FittedLine.text(Self.fields, width: width) == line)
    }

    /// A name is cut to what leaves the rest its place, and no further.
    @Test(
        arguments: [
            (31, "[1/9] AdaLoRA exact  step 7/90"), (30, "[1/9] AdaLoRA exact  step 7/90"),
            (29, "[1/9] AdaLoRA exa…  step 7/90"), (21, "[1/9] Ada…  step 7/90"), (20, "[1/9] AdaLoRA exact"),
            (12, "[1/9] AdaLo…"),
        ]) func aNameIsCutFirst(width: Int, line: String)
    {
        let fields: [FittedLine.Field] = [
            .init("[1/9] AdaLoRA exact", worth: 2, shortest: 10), .init("step 7/90", worth: 1),
        ]
        #expect(FittedLine.text(fields, width: width) == line)
    }

    /// Of wide characters two columns each.
    @Test func widthIsInColumns() {
        let fields: [FittedLine.Field] = [.init("損失", worth: 2), .init("x", worth: 1)]
        #expect(FittedLine.text(fields, width: 7) == "損失  x")
        #expect(FittedLine.text(fields, width: 6) == "損失")
    }
}
