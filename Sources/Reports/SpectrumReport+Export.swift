import Messages
import ModelFiles
import RunRecords

extension SpectrumReport {
    /// One line for each site and singular value: `step,site,layer,role,index,value,energy,cumulative`.
    ///
    /// `index` counts from 1; `energy` is the value's share of the site's Σσ² and `cumulative` that of it and
    /// those before it, both empty where Σσ² is 0. A value that is not finite is empty. With `names` only those
    /// sites; a site of rank 0 has no line. Throws `RecordError` as `sites` does.
    package static func csv(_ history: TripletHistory, names: [String] = [], step: Int?) throws -> String {
        let snapshot = try history.snapshot(at: step)
        let hasTowers = history.run.start.sites.contains { $0.tower != nil }
        var text = "step,site,layer,role,index,value,energy,cumulative\(hasTowers ? ",tower" : "")\n"
        for at in try positions(history, names) {
            let site = history.run.start.sites[at]
            let start =
                "\(snapshot.step),\(RankReport.field(site.name)),\(site.layer),\(RankReport.field(site.role))"
            let tower = hasTowers ? "," + RankReport.field(site.tower ?? "") : ""
            let spectrum = snapshot.sites[at].spectrum
            for (index, value) in spectrum.values.enumerated() {
                let shares =
                    spectrum.shares.isEmpty
                    ? "," : "\(spectrum.shares[index]),\(spectrum.cumulative[index])"
                text += "\(start),\(index + 1),\(value.isFinite ? "\(value)" : ""),\(shares)\(tower)\n"
            }
        }
        return text
    }

    /// An object with the run, the sites that `table` shows, and their total. With `names` only those sites, on
    /// one line, and each with its values in every snapshot up to `step`.
    ///
    /// Measures that are not defined are null, as is what is not finite. Throws `RecordError` as `sites` does.
    package static func json(_ history: TripletHistory, names: [String] = [], step: Int?) throws -> String {
        let snapshot = try history.snapshot(at: step)
        let run = history.run
        let shares = energyShares(snapshot)
        let sites = try positions(history, names).map { at in
            var object = described(run.start.sites[at], snapshot.sites[at], energyShare: shares[at])
            if !names.isEmpty {
                object["history"] = .array(
                    history.snapshots.filter { $0.step <= snapshot.step }.map { past in
                        .object([
                            "step": .init(past.step), "values": numbers(past.sites[at].spectrum.values),
                        ])
                    })
            }
            return JSONValue.object(object)
        }
        var total = measures(snapshot.joined)
        let kept = keptEnergy(snapshot)
        total["keptEnergy"] = kept.map { $0.isBound ? .null : .number($0.ratio) } ?? .null
        total["orthogonalityError"] = number(snapshot.sites.compactMap(\.orthogonalityError).max())
        let object: JSONObject = [
            "method": .string(TerminalText.clean(run.start.method)), "step": .init(snapshot.step),
            "requestedStep": step.map { .init($0) } ?? .null, "lastStep": .init(run.lastStep),
            "totalSteps": .init(run.start.totalSteps),
            "end": run.end.map { .string($0.reason.rawValue) } ?? .null, "total": .object(total),
            "sites": .array(sites), "notes": .array((run.notes + history.notes).map { .string($0) }),
        ]
        return JSONValue.object(object).text(pretty: names.isEmpty) + "\n"
    }

    /// Of the named sites, in the order asked for; of all for none.
    private static func positions(_ history: TripletHistory, _ names: [String]) throws -> [Int] {
        names.isEmpty
            ? Array(history.run.start.sites.indices) : try names.map { try history.position(of: $0) }
    }

    private static func described(
        _ site: RunRecord.Site, _ triplets: TripletHistory.Site, energyShare: Double?
    ) -> JSONObject {
        var object: JSONObject = [
            "site": .string(TerminalText.clean(site.name)), "layer": .init(site.layer),
            "role": .string(TerminalText.clean(site.role)), "outputs": .init(site.outputs),
            "inputs": .init(site.inputs),
        ]
        if let tower = site.tower { object["tower"] = .string(TerminalText.clean(tower)) }
        for (key, value) in measures(triplets.spectrum).members { object[key] = value }
        object["energyShare"] = number(energyShare)
        object["keptEnergy"] = number(triplets.keptEnergy)
        object["orthogonalityError"] = number(triplets.orthogonalityError)
        object["values"] = numbers(triplets.spectrum.values)
        object["kept"] = .array(triplets.kept.map { .bool($0) })
        object["importance"] = .array(triplets.importance.map(number))
        return object
    }

    private static func measures(_ spectrum: Spectrum) -> JSONObject {
        [
            "rank": .init(spectrum.rank), "largest": number(spectrum.largest),
            "smallest": number(spectrum.smallest), "energy": number(spectrum.energy),
            "effectiveRank": number(spectrum.effectiveRank), "stableRank": number(spectrum.stableRank),
            "valuesFor90Percent": spectrum.count(holding: energyShare).map { .init($0) } ?? .null,
        ]
    }

    private static func number(_ value: Double?) -> JSONValue {
        value.map { $0.isFinite ? .number($0) : .null } ?? .null
    }

    private static func numbers(_ values: [Double]) -> JSONValue { .array(values.map(number)) }
}
