"""The figure: a network as papers draw it, feature maps as cuboids to scale, on a printed page.

`draw.figure` makes a Scene of an analysed network, which is data; `svg.svg` and `pdf.pdf` write it.
"""
