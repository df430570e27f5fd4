import Autodiff
import Matrices
import Transformers

/// How the factors of an adapter start.
public enum FactorInitialization: String, CaseIterable, Sendable {
    /// λ = 0; P with orthonormal columns and Q with orthonormal rows, by QR of a seeded Gaussian.
    case orthonormal
    /// λ = 0; P, Q ~ N(0, 0.02²), as PEFT and the authors' code.
    case gaussian
}

/// What to install on which sites.
public struct AdapterPlan: Sendable {
    public enum Method: String, Sendable { case adalora, lora }

    public let method: Method
    public let roles: [LinearSite.Role]
    public let rank: Int
    /// s, the factor of the update
    public let scale: Float
    public let dropout: Float
    public let initialization: FactorInitialization
    public let seed: UInt64

    public init(
        method: Method, roles: [LinearSite.Role], rank: Int, scale: Float, dropout: Float,
        initialization: FactorInitialization, seed: UInt64
    ) {
        self.method = method
        self.roles = roles
        self.rank = rank
        self.scale = scale
        self.dropout = dropout
        self.initialization = initialization
        self.seed = seed
    }
}

/// A plan that does not fit the model.
public struct AdapterError: Error, CustomStringConvertible, Sendable {
    public let description: String
}

/// The adapters of a model, in site order.
public struct AdapterSet: Sendable {
    public package(set) var adapters: [LowRankAdapter]

    package init(adapters: [LowRankAdapter]) { self.adapters = adapters }

    /// Creates adapters and hangs them on the chosen layers.
    public init(installing plan: AdapterPlan, on layers: [LinearLayer]) throws {
        for role in plan.roles where !layers.contains(where: { $0.site.role == role }) {
            let present = LinearSite.Role.allCases.filter { role in layers.contains { $0.site.role == role } }
            throw AdapterError(
                description: "target \"\(role.rawValue)\" matches no matrix of this model; it has "
                    + present.map(\.rawValue).joined(separator: ", "))
        }
        let chosen = layers.filter { plan.roles.contains($0.site.role) }.sorted { $0.site < $1.site }
        if let small = chosen.first(where: { min($0.outputs, $0.inputs) < plan.rank }) {
            throw AdapterError(
                description:
                    "initial rank \(plan.rank) is more than \(small.site) [\(small.outputs), \(small.inputs)] "
                    + "can have; use --initial-rank \(min(small.outputs, small.inputs)) or less")
        }
        adapters = try chosen.map { layer in
            let factors =
                plan.method == .adalora
                ? try Self.svdFactors(layer, plan) : Self.loraFactors(layer, plan)
            return LowRankAdapter(layer: layer, factors: factors, dropout: plan.dropout)
        }
        for adapter in adapters { adapter.layer.adapter = adapter }
    }

    private static func svdFactors(_ layer: LinearLayer, _ plan: AdapterPlan) throws -> LowRankFactors {
        let p = Matrix(rows: layer.outputs, columns: plan.rank)
        let q = Matrix(rows: plan.rank, columns: layer.inputs)
        fillNormal(p, "P", layer.site, plan)
        fillNormal(q, "Q", layer.site, plan)
        if plan.initialization == .orthonormal {
            try Factorization.orthonormalize(p)
            try Factorization.orthonormalize(q)
        }
        return LowRankFactors(
            p: Parameter(name: "\(layer.site).P", values: p),
            lambda: Parameter(name: "\(layer.site).Λ", values: Matrix(rows: 1, columns: plan.rank)),
            q: Parameter(name: "\(layer.site).Q", values: q), factor: plan.scale)
    }

    /// LoRA's usual start (Hu et al. 2022, as PEFT): A by Kaiming-uniform with a = √5, which is U(±1/√I); B = 0.
    private static func loraFactors(_ layer: LinearLayer, _ plan: AdapterPlan) -> LowRankFactors {
        let a = Matrix(rows: plan.rank, columns: layer.inputs)
        var stream = RandomStream(
            seed: plan.seed, purpose: "initialize A", indices: indices(of: layer.site))
        stream.fillUniform(a, bound: 1 / Double(layer.inputs).squareRoot())
        return LowRankFactors(
            p: Parameter(name: "\(layer.site).B", values: Matrix(rows: layer.outputs, columns: plan.rank)),
            lambda: nil, q: Parameter(name: "\(layer.site).A", values: a), factor: plan.scale)
    }

    private static func fillNormal(_ matrix: Matrix, _ name: String, _ site: LinearSite, _ plan: AdapterPlan)
    {
        var stream = RandomStream(
            seed: plan.seed, purpose: "initialize \(name)", indices: indices(of: site))
        stream.fillNormal(matrix, deviation: 0.02)
    }

    private static func indices(of site: LinearSite) -> [Int] {
        [site.layer, LinearSite.Role.allCases.firstIndex(of: site.role) ?? 0]
    }

    public var parameters: [Parameter] { adapters.flatMap(\.parameters) }
    public var ranks: [Int] { adapters.map(\.rank) }
    /// Numbers in the triplets alive: a triplet of an [O, I] matrix has O + I, and 1 more with λ.
    public var liveParameterCount: Int {
        adapters.reduce(0) {
            $0 + $1.rank * ($1.layer.outputs + $1.layer.inputs + ($1.factors.lambda == nil ? 0 : 1))
        }
    }
}
