import Advice
import Charts
import Messages
import Reports

/// The figures of an advice.
enum AdviceFigures {
    static func all(_ found: ProbeFindings, _ answer: AdviceAnswer) -> [ReportFigure] {
        [
            quality(found, answer), kept(found, answer), rates(found), spectra(found), roles(found),
            gradients(found),
        ]
    }

    static func quality(_ found: ProbeFindings, _ answer: AdviceAnswer) -> ReportFigure {
        let found = found.judged
        let title = "Held-out \(found.measure) against rank"
        guard !found.cuts.isEmpty else {
            return ReportFigure(
                id: "quality", title: title, caption: "", content: .missing("the wide rank is 1"))
        }
        let ranks = found.cuts.map(\.rank) + [Double(found.plan.wideRank)]
        let cut =
            found.cuts.map { ($0.rank, found.shown($0.loss)) }
            + [(Double(found.plan.wideRank), found.shown(found.wide))]
        let advised = answer.headAloneDoes ? nil : answer.rank
        return ReportFigure(
            id: "quality", title: title,
            caption:
                "The wide update cut to each rank by its singular values, without training on; level: what training starts "
                + "from" + (found.narrow == nil ? "" : ", and a training at rank 1")
                + (advised.map { ". Advised: rank \(Figures.plain($0))" } ?? "") + ".",
            content: .drawn(
                draw: { form in
                    var series = [
                        Series(name: "cut", points: cut.map { ChartPoint(x: $0.0, y: $0.1) }),
                        level("base or head alone", found.shown(found.alone), ranks),
                    ]
                    if let narrow = found.narrow {
                        series.append(level("trained at rank 1", found.shown(narrow), ranks))
                    }
                    var x = Axis("triplets a matrix", scale: .log2, format: .decimals(0))
                    x.tickValues = ranks
                    return chart(form, title, x: x, y: Axis("held-out \(found.measure)"), series).svg()
                },
                table: {
                    FigureTable(
                        columns: ["rank", found.measure],
                        rows: cut.map { [.number($0.0), FigureValue(Optional($0.1))] })
                }))
    }

    static func kept(_ found: ProbeFindings, _ answer: AdviceAnswer) -> ReportFigure {
        let title = "What N triplets keep"
        let importance = SpectrumFigures.keptShares(found.importances)
        let energy = SpectrumFigures.keptShares(found.energies)
        guard !energy.isEmpty else {
            return ReportFigure(
                id: "kept", title: title, caption: "", content: .missing("the training learned nothing"))
        }
        @Sendable func points(_ shares: [Double]) -> [ChartPoint] {
            shares.enumerated().map { ChartPoint(x: Double($0.offset + 1), y: 100 * $0.element) }
        }
        return ReportFigure(
            id: "kept", title: title,
            caption:
                "The largest triplets of all matrices together: their share of the importance and of the energy Σσ² of "
                + "what was learned. Advised: \(Figures.grouped(answer.budget)).",
            content: .drawn(
                draw: { form in
                    chart(
                        form, title, x: Axis("triplets", scale: .log10, wholeNumbers: true),
                        y: Axis("kept (%)", range: 0...100),
                        [
                            Series(name: "importance", points: points(importance)).thinned(to: 300),
                            Series(name: "energy", points: points(energy)).thinned(to: 300),
                        ]
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["triplets", "importance_kept", "energy_kept"],
                        rows: energy.indices.map { at in
                            [
                                FigureValue(at + 1),
                                FigureValue(at < importance.count ? importance[at] : nil),
                                FigureValue(Optional(energy[at])),
                            ]
                        })
                }))
    }

    static func rates(_ found: ProbeFindings) -> ReportFigure {
        let title = "Learning rates"
        guard !found.rates.isEmpty else {
            return ReportFigure(
                id: "rates", title: title, caption: "",
                content: .missing(
                    found.plan.leftOut.contains(.rates) ? "left out for time" : "the rate was given"))
        }
        let diverged = found.rates.filter { $0.loss == nil }.map { Figures.rate($0.rate) }
        return ReportFigure(
            id: "rates", title: title,
            caption:
                "Held-out loss after \(found.plan.rateSteps) steps with each rate; chosen: \(Figures.rate(found.rate))"
                + (diverged.isEmpty ? "" : "; diverged: \(diverged.joined(separator: ", "))") + ".",
            content: .drawn(
                draw: { form in
                    var x = Axis("learning rate", scale: .log10)
                    x.tickValues = found.rates.map(\.rate)
                    return chart(
                        form, title, x: x, y: Axis("held-out loss"),
                        [
                            Series(
                                name: "loss",
                                points: found.rates.map { ChartPoint(x: $0.rate, y: $0.loss?.mean) })
                        ]
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["learning_rate", "loss"],
                        rows: found.rates.map { [.number($0.rate), FigureValue($0.loss?.mean)] })
                }))
    }

    /// Of each role the mean over its matrices of σ² as a share of the matrix's own.
    static func spectra(_ found: ProbeFindings) -> ReportFigure {
        let title = "Spectra of what was learned"
        let roles = spectraByRole(found)
        guard !roles.isEmpty else {
            return ReportFigure(
                id: "spectra", title: title, caption: "", content: .missing("the training learned nothing"))
        }
        return ReportFigure(
            id: "spectra", title: title,
            caption:
                "Mean share of a matrix's energy in its first, second, … direction, by kind of matrix: the flatter, the more "
                + "rank it uses.",
            content: .drawn(
                draw: { form in
                    chart(
                        form, title, x: Axis("direction", wholeNumbers: true),
                        y: Axis("energy (%)", includesZero: true),
                        roles.map { role in
                            Series(
                                name: RankGrid.shortName(role.name),
                                points: role.shares.enumerated().map {
                                    ChartPoint(x: Double($0.offset + 1), y: 100 * $0.element)
                                })
                        }
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["role", "direction", "energy_share"],
                        rows: roles.flatMap { role in
                            role.shares.enumerated().map {
                                [
                                    .text(role.name), FigureValue($0.offset + 1),
                                    FigureValue(Optional($0.element)),
                                ]
                            }
                        })
                }))
    }

    private static func spectraByRole(_ found: ProbeFindings) -> [(name: String, shares: [Double])] {
        found.roleShares.compactMap { role, energy, _ in
            guard energy > 0 else { return nil }
            let spectra = found.sites.filter { $0.role == role }.map { site -> [Double] in
                let energies = site.learned.map { Double($0) * Double($0) }
                let total = energies.reduce(0, +)
                return total > 0 ? energies.map { $0 / total } : []
            }.filter { !$0.isEmpty }
            let count = spectra.map(\.count).min() ?? 0
            return (role, (0..<count).map { at in spectra.reduce(0) { $0 + $1[at] } / Double(spectra.count) })
        }
    }

    static func roles(_ found: ProbeFindings) -> ReportFigure {
        let title = "Where it learned"
        let shares = found.roleShares
        return ReportFigure(
            id: "roles", title: title,
            caption:
                "Energy of what was learned by kind of matrix, over an even share: 1 is as much as any other.",
            content: .drawn(
                draw: { form in
                    var bars = BarChart(
                        id: form.id, title: title, axis: Axis("times an even share"),
                        bars: shares.map {
                            .init(
                                name: RankGrid.shortName($0.role),
                                value: $0.matrices > 0 ? $0.energy / $0.matrices : nil)
                        })
                    bars.valueFormat = .decimals(2)
                    bars.width = form.width
                    bars.theme = form.theme
                    return bars.svg()
                },
                table: {
                    FigureTable(
                        columns: ["role", "energy_share", "even_share"],
                        rows: shares.map {
                            [
                                .text($0.role), FigureValue(Optional($0.energy)),
                                FigureValue(Optional($0.matrices)),
                            ]
                        })
                }))
    }

    static func gradients(_ found: ProbeFindings) -> ReportFigure {
        let title = "Directions that two halves confirm"
        guard !found.gradients.isEmpty else {
            return ReportFigure(
                id: "gradients", title: title, caption: "", content: .missing("left out for time"))
        }
        var roles: [String] = []
        for one in found.gradients where !roles.contains(one.role) { roles.append(one.role) }
        let rows = roles.map { role in
            let own = found.gradients.filter { $0.role == role }
            return (
                role: role, aligned: own.reduce(0.0) { $0 + Double($1.aligned) } / Double(own.count),
                cosine: own.reduce(0) { $0 + $1.cosine } / Double(own.count)
            )
        }
        return ReportFigure(
            id: "gradients", title: title,
            caption:
                "Directions of the gradient at the start, on one half of \(Figures.grouped(2 * found.plan.halfRows)) rows, "
                + "that the other half's gradient shows too, a matrix.",
            content: .drawn(
                draw: { form in
                    var bars = BarChart(
                        id: form.id, title: title, axis: Axis("directions a matrix"),
                        bars: rows.map { .init(name: RankGrid.shortName($0.role), value: $0.aligned) })
                    bars.valueFormat = .decimals(1)
                    bars.width = form.width
                    bars.theme = form.theme
                    return bars.svg()
                },
                table: {
                    FigureTable(
                        columns: ["role", "aligned", "cosine"],
                        rows: rows.map {
                            [
                                .text($0.role), FigureValue(Optional($0.aligned)),
                                FigureValue(Optional($0.cosine)),
                            ]
                        })
                }))
    }

    private static func level(_ name: String, _ value: Double, _ ranks: [Double]) -> Series {
        var series = Series(
            name: name, points: [ranks.min() ?? 1, ranks.max() ?? 1].map { ChartPoint(x: $0, y: value) })
        series.isFaint = false
        return series
    }

    private static func chart(
        _ form: FigureForm, _ title: String, x: Axis, y: Axis, _ series: [Series]
    ) -> LineChart {
        var chart = LineChart(id: form.id, title: title, x: x, y: y, series: series)
        chart.legend = series.count > 1 ? .above : .hidden
        chart.width = form.width
        chart.height = form.isNarrow ? 300 : 340
        chart.theme = form.theme
        return chart
    }
}
