"""The kernels for CUDA devices, in Triton: a layer is four products with one small kernel after each.

What has to follow a product anyway (bias, rotation and KV store; SiLU; residual and norm) also adds the LoRA
expand, so adapters cost no launch of their own. RMSNorm needs no pass either: its scale commutes with the
product, so the kernel before writes partial sums of squares, and the one after divides by their root.

Rows come in tiles: `int32 [num_tiles, 4]`, first row, number of rows, first rank and rank of the adapter that
all rows of the tile have (rank 0: the base). A tile with no rows is skipped, so a CUDA graph may be launched
with fewer tiles than it was captured for. The products of rows with the A matrices stand side by side in
`shrunk [num_rows, ...]`, column `rank_index * projections + projection`; they come out of the base product
itself (`weights`, decoding) or of `grouped_shrink` (prompts).
"""
