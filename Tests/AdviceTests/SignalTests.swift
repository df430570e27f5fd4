import Advice
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import RankProbe
import Testing
import Transformers

/// Signals against numpy (`scripts/goldens/advice_signals.py`).
@Suite struct SignalTests {
    private func golden() throws -> JSONValue {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/advice/signals.json")
        return try JSONValue.read(file)
    }

    private func numbers(_ value: JSONValue?) throws -> [Double] {
        try #require(value?.array).map { try #require($0.double) }
    }

    @Test func spectra() throws {
        for spectrum in try #require(golden()["spectra"]?.array) {
            let values = try numbers(spectrum["values"]).map(Float.init)
            let effective = try #require(spectrum["effectiveRank"]?.double)
            let stable = try #require(spectrum["stableRank"]?.double)
            // Sums of doubles in another order.
            #expect(abs(SpectrumFigures.effectiveRank(values) - effective) < 1e-9 * effective)
            #expect(abs(SpectrumFigures.stableRank(values) - stable) < 1e-9 * stable)
            let energies = values.map { Double($0) * Double($0) }
            #expect(SpectrumFigures.count(keeping: 0.9, of: energies) == spectrum["kept90"]?.int)
            for (one, other) in zip(
                SpectrumFigures.keptShares(energies), try numbers(spectrum["keptShares"]))
            {
                #expect(abs(one - other) < 1e-9)
            }
        }
        #expect(SpectrumFigures.effectiveRank([0, 0]) == 0 && SpectrumFigures.stableRank([]) == 0)
        #expect(SpectrumFigures.count(keeping: 1, of: [1, 1, 1]) == 3)
        #expect(SpectrumFigures.count(keeping: 0.5, of: [0, 0]) == 0)
        // The leading ones alone, with the energy of all.
        #expect(SpectrumFigures.stableRank([2, 1], energy: 12) == 3)
    }

    /// Directions that both halves have, among noise: none, 3 and 6 of 16.
    @Test func halves() throws {
        for half in try #require(golden()["halves"]?.array) {
            let rows = try #require(half["rows"]?.int)
            let columns = try #require(half["columns"]?.int)
            func matrix(_ name: String) throws -> Matrix {
                Matrix(rows: rows, columns: columns, values: try numbers(half[name]).map(Float.init))
            }
            let found = try HalfGradients.compared(
                matrix("one"), matrix("other"), LinearSite(layer: 0, role: .query), seed: 1)
            // Sums of Float32 products.
            #expect(abs(found.cosine - (try #require(half["cosine"]?.double))) < 1e-5)
            // No diagonal entry is nearer to the limit than a hundredth of the noise.
            #expect(try #require(half["nearest"]?.double) > 0.01)
            #expect(found.aligned == half["aligned"]?.int)
        }
    }

    @Test func rankings() throws {
        for ranking in try #require(golden()["rankings"]?.array) {
            let found = HalfComparison.rankCorrelation(
                try numbers(ranking["one"]), try numbers(ranking["other"]))
            #expect(abs(try #require(found) - (try #require(ranking["correlation"]?.double))) < 1e-9)
        }
        #expect(HalfComparison.rankCorrelation([1, 1, 1], [1, 2, 3]) == nil)
        #expect(HalfComparison.rankCorrelation([1, 2], [1, 2]) == nil)
        #expect(HalfComparison.overlap([4, 3, 2, 1], [4, 1, 3, 2], top: 2) == 0.5)
        #expect(HalfComparison.alignedDirections([[5, 1], [1, 2]]) == 1)
        #expect(HalfComparison.alignedDirections([[5]]) == 0)
    }

    @Test func losses() throws {
        let losses = try #require(golden()["losses"])
        let weights = try numbers(losses["weights"])
        let one = HeldOutLoss(folds: try numbers(losses["one"]), weights: weights)
        let other = HeldOutLoss(folds: try numbers(losses["other"]), weights: weights)
        let (difference, error) = one.above(other)
        #expect(abs(difference - (try #require(losses["difference"]?.double))) < 1e-9)
        #expect(abs(error - (try #require(losses["error"]?.double))) < 1e-9)
        #expect(
            HeldOutLoss(folds: [1], weights: [4]).above(HeldOutLoss(folds: [0], weights: [4])).error
                == .infinity)
        let uneven = HeldOutLoss(folds: [1, 2], weights: [3, 1])
        #expect(uneven.mean == 1.25 && uneven.isFinite)
        #expect(!HeldOutLoss(folds: [1, .nan], weights: [1, 1]).isFinite)
    }

    @Test func labelsInBits() throws {
        let labels = try #require(golden()["labels"])
        let counts = try numbers(labels["counts"]).map { Int($0) }
        let bits = try #require(labels["bits"]?.double)
        #expect(abs(LabelEntropy.bits(counts) - bits) < 1e-9 * bits)
        #expect(LabelEntropy.bits([7, 0]) == 0)
    }
}
